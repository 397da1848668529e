//! Messages of the program to its scheduler.

use std::time::Duration;

use super::SchedulerDriver;
use crate::error::Result;
use crate::runtime::{Timer, input_closed};

impl<M: Send + 'static> SchedulerDriver<M> {
    /// Sends `input` to the scheduler, which receives it in
    /// [`Scheduler::input`](crate::Scheduler::input), between the events of Mesos. This makes
    /// the scheduler an actor: a signal handler, a timer or a web page changes the scheduler's
    /// state without a lock around it.
    ///
    /// Returns at once. Inputs of one sender arrive in their order. The driver also delivers
    /// them while it is not subscribed. The queue is not bounded, so a program should not send
    /// inputs faster than its scheduler handles them.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use mesos::http::HttpBackend;
    /// use mesos::{Framework, HandlerResult, Scheduler, SchedulerDriver};
    /// use tokio::sync::oneshot;
    ///
    /// enum Command {
    ///     Count(oneshot::Sender<usize>),
    ///     Tick,
    /// }
    ///
    /// struct Service {
    ///     instances: usize,
    /// }
    ///
    /// #[mesos::async_trait]
    /// impl Scheduler<Command> for Service {
    ///     async fn input(
    ///         &mut self,
    ///         driver: &SchedulerDriver<Command>,
    ///         input: Command,
    ///     ) -> HandlerResult {
    ///         match input {
    ///             Command::Count(reply) => drop(reply.send(self.instances)),
    ///             Command::Tick => {
    ///                 driver.revive().await?;
    ///                 driver.send_after(Duration::from_secs(60), Command::Tick);
    ///             }
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let backend = HttpBackend::new("http://10.0.0.1:5050".parse()?);
    /// let framework = Framework::ephemeral("service");
    /// let driver = SchedulerDriver::start(Service { instances: 3 }, framework, backend);
    /// driver.send_after(Duration::from_secs(60), Command::Tick);
    /// let (reply, count) = oneshot::channel();
    /// driver.send(Command::Count(reply))?;
    /// println!("{} instances", count.await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) once the driver has ended. Inputs that
    /// the scheduler has not received when the driver ends are dropped.
    pub fn send(&self, input: M) -> Result<()> {
        self.inputs.send(input).map_err(|_| input_closed())
    }

    /// [Sends](Self::send) `input` after `delay`. Does nothing if the driver has ended by then.
    /// The returned timer can cancel the input; dropping the timer does not.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn send_after(&self, delay: Duration, input: M) -> Timer {
        let inputs = self.inputs.clone();
        Timer::start(delay, inputs, input)
    }
}
