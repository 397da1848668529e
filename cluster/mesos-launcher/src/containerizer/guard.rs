//! `mesos-containerizer guard`: ends the processes of a task whose executor was killed.
//!
//! A killed executor cannot end its task, and an agent without a cgroup for each container does not
//! find the task's processes any more. The kernel can send a signal to a child of the executor
//! (PR_SET_PDEATHSIG), but not to the child's children. So this process waits for the end of a pipe
//! to the executor. (Mesos has no such program: its tasks survive.)

use std::io::{self, Read as _};
use std::process::ExitCode;

use mesos_process::ProcessTree;
use nix::unistd::setsid;

/// The byte by which an executor reports that its task has ended.
pub(crate) const DISMISS: u8 = b'.';

/// Waits on stdin for the end of the executor, and kills the processes of `pid` then.
pub(super) fn run(pid: i32) -> ExitCode {
    let tree = ProcessTree::of(pid);
    // A signal to the session or the group of the executor must not end its guard before the task.
    let _ = setsid();
    let mut byte = [0];
    loop {
        match io::stdin().read(&mut byte) {
            Ok(1) if byte == [DISMISS] => return ExitCode::SUCCESS,
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    tree.kill();
    ExitCode::SUCCESS
}
