//! The runtimes over a scripted backend: no socket, no real time.

mod executor;
mod scheduler;
mod script;
