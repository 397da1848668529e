//! Opening the streams of the operator API.

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use mesos_core::{Endpoint, Error, ErrorKind, Result};

use super::OperatorClient;
use super::client::PATH;
use crate::auth::Access;
use crate::transport::connection::Connection;
use crate::wire::answer::{Answer, Purpose, REASON_LIMIT, media_type, refusal};
use crate::wire::redirect::{self, REDIRECTS};

impl OperatorClient {
    /// Makes a call whose response is a stream of records, to `first` or to the endpoint that it
    /// redirects to. Returns the endpoint that answered.
    pub(super) async fn open_stream(
        &self,
        first: &Endpoint,
        name: &'static str,
        body: &Bytes,
    ) -> Result<(Endpoint, Connection, Response<Incoming>)> {
        let settings = self.settings();
        let mut access = Access::new(settings).await?;
        let mut at = first.clone();
        let mut redirects = 0;
        while redirects <= REDIRECTS {
            let mut connection = Connection::open(&at, settings).await?;
            let response = connection.post(PATH, access.header(), body.clone()).await?;
            tracing::debug!(endpoint = %at, status = %response.status(), "{name}");
            match response.status() {
                StatusCode::OK => {
                    self.check_type(&at, name, &response)?;
                    return Ok((at, connection, response));
                }
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    at = redirect::target(&at, response.headers(), PATH)
                        .map_err(|error| error.with_status(response.status().as_u16()))?;
                    redirects += 1;
                }
                StatusCode::UNAUTHORIZED if access.renew().await? => {}
                _ => {
                    let limit = settings.response_timeout;
                    let mut answer = Answer::read(&at, response, REASON_LIMIT, limit).await;
                    access.annotate(&mut answer);
                    return Err(refusal(name, Purpose::Operator, &at, PATH, &answer));
                }
            }
        }
        Err(redirect::undecided(first, &at))
    }

    /// Checks that the stream comes from Mesos.
    fn check_type(
        &self,
        at: &Endpoint,
        name: &'static str,
        response: &Response<Incoming>,
    ) -> Result<()> {
        let wanted = self.settings().codec.media_type();
        let found = media_type(response.headers());
        if found.as_deref() == Some(wanted) {
            return Ok(());
        }
        let found = found.unwrap_or_default();
        let message = format!(
            "{at} answered {name} with 200, but with the content type {found:?} instead of \
             {wanted:?}; is the peer Mesos?"
        );
        Err(Error::new(ErrorKind::Protocol, message).with_status(200))
    }
}
