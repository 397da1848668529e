//! One peer and one connection to it, opened when it is needed and again when
//! it broke; requests go one after the other.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use mesos_core::{Delivery, Result};

use crate::answer::Answer;
use crate::auth::Access;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) endpoint: Endpoint,
    settings: Settings,
    connection: Option<Connection>,
}

impl Caller {
    pub(crate) fn new(endpoint: Endpoint, settings: Settings) -> Self {
        Self {
            endpoint,
            settings,
            connection: None,
        }
    }

    /// Sends `body` to `path` and reads the answer, at most `limit` bytes of
    /// its body; once more if the answer is 401 and there are other credentials
    /// to be had. Dropping the future closes the connection.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        stream_id: Option<&HeaderValue>,
        body: Bytes,
        limit: u64,
    ) -> Result<Answer> {
        let settings = self.settings.clone();
        let mut access = Access::of(&settings).await?;
        loop {
            let authorization = access.header();
            let mut answer = self
                .exchange(path, stream_id, authorization, body.clone(), limit)
                .await?;
            if answer.status == StatusCode::UNAUTHORIZED && access.renew().await? {
                continue;
            }
            access.judge(&mut answer);
            return Ok(answer);
        }
    }

    async fn exchange(
        &mut self,
        path: &str,
        stream_id: Option<&HeaderValue>,
        authorization: Option<&HeaderValue>,
        body: Bytes,
        limit: u64,
    ) -> Result<Answer> {
        let (mut connection, kept) = match self.connection.take() {
            Some(connection) => (connection, true),
            None => (self.open().await?, false),
        };
        let response = match connection
            .post(path, stream_id, authorization, body.clone())
            .await
        {
            // The peer closed it since the last request: no loss, a new one does.
            Err(error) if kept && error.delivery() == Delivery::NotSent => {
                connection = self.open().await?;
                connection
                    .post(path, stream_id, authorization, body)
                    .await?
            }
            response => response?,
        };
        let answer = Answer::read(
            &self.endpoint,
            response,
            limit,
            self.settings.response_timeout,
        )
        .await;
        if answer.fault.is_none() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    async fn open(&self) -> Result<Connection> {
        Connection::open(&self.endpoint, &self.settings).await
    }
}
