//! TODO
pub mod error;
mod fetch;
mod platform;
mod release;
pub use error::{Error, ErrorKind};
pub use fetch::{libmesos, libmesos_blocking};
pub use release::{DEFAULT_VERSION, versions};

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => Err(Error::because(
            ErrorKind::Start,
            "a worker thread failed",
            panic,
        )),
    }
}
