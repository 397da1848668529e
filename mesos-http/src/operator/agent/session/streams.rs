//! The streams of a session for the program.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use mesos_core::Error;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

/// The input of a container. Shutting it down or, for a session of
/// [`exec`](super::AgentClient::exec), dropping it ends the container's input.
///
/// A write waits while the agent does not accept more. If the agent refuses the input, for example
/// because another program is attached (409), writes fail with the error of the agent, and
/// [`wait`](super::SessionControl::wait) returns the error.
#[derive(Debug)]
pub struct ContainerInput {
    stream: DuplexStream,
    shut_down: Arc<AtomicBool>,
    failure: watch::Receiver<Option<Error>>,
}

impl ContainerInput {
    pub(super) fn new(
        stream: DuplexStream,
        shut_down: Arc<AtomicBool>,
        failure: watch::Receiver<Option<Error>>,
    ) -> Self {
        Self {
            stream,
            shut_down,
            failure,
        }
    }

    /// The reason of the agent, if there is one.
    fn explain<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match &*self.failure.borrow() {
            Some(failure) => io::Error::new(error.kind(), failure.clone()),
            None => error,
        })
    }
}

impl AsyncWrite for ContainerInput {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        written.map(|result| self.explain(result))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        flushed.map(|result| self.explain(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Before the reader can see the end.
        self.shut_down.store(true, Ordering::Release);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// An output of a container. It ends with the container, and also when the connection is lost:
/// [`wait`](super::SessionControl::wait) returns the reason.
#[derive(Debug)]
pub struct ContainerOutput(DuplexStream);

impl ContainerOutput {
    pub(super) fn new(stream: DuplexStream) -> Self {
        Self(stream)
    }
}

impl AsyncRead for ContainerOutput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}
