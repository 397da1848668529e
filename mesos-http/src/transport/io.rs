//! What HTTP runs over.

use tokio::io::{AsyncRead, AsyncWrite};

/// An open transport, ready for HTTP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}
