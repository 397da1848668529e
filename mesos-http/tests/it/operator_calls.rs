//! A scripted peer for one call of the operator API: it checks the exact message.

use std::fmt::Debug;

use mesos_core::{ErrorKind, Result};
use mesos_http::OperatorClient;
use prost::Message;

use crate::peer::*;

/// A call with this type and body.
macro_rules! call {
    ($type:ident) => {
        Call {
            r#type: Some(Type::$type.into()),
            ..Default::default()
        }
    };
    ($type:ident, $field:ident: $body:expr) => {
        Call {
            r#type: Some(Type::$type.into()),
            $field: Some($body),
            ..Default::default()
        }
    };
}

/// Checks that a method sends `call`, and returns `expected` out of a response with this body.
macro_rules! reads {
    ($call:expr, $field:ident: $body:expr, $method:ident($($argument:expr),*), $expected:expr) => {{
        let response = Response {
            $field: Some($body),
            ..Default::default()
        };
        let method = |client: Client| async move { client.$method($($argument),*).await };
        Box::pin(check_body($call, response, method, $expected)).await;
    }};
}

/// As [`reads`], for a body without required fields: Mesos omits the body if it would be empty.
macro_rules! lists {
    ($call:expr, $field:ident: $body:expr, $method:ident($($argument:expr),*), $expected:expr) => {{
        let call = $call;
        let name = call.r#type().as_str_name();
        reads!(call.clone(), $field: $body, $method($($argument),*), $expected);
        let response = Response {
            r#type: response::Type::from_str_name(name).map(Into::into),
            ..Default::default()
        };
        assert!(response.r#type.is_some(), "{name}");
        let response = prost::Message::encode_to_vec(&response);
        let method = |client: Client| async move { client.$method($($argument),*).await };
        let result = Box::pin(exchange(call, "200 OK", response, &method)).await;
        assert_default(&result.unwrap(), name);
    }};
}

/// Checks that a method sends `call`, and succeeds after a response without a body.
macro_rules! writes {
    ($call:expr, $method:ident($($argument:expr),*)) => {
        writes!($call, $method($($argument),*), ());
    };
    ($call:expr, $method:ident($($argument:expr),*), $expected:expr) => {{
        let method = |client: Client| async move { client.$method($($argument),*).await };
        let result = Box::pin(exchange($call, "200 OK", Vec::new(), &method)).await;
        assert_eq!(result.unwrap(), $expected);
    }};
}

pub(crate) use {call, lists, reads, writes};

/// Checks that `method` sends exactly `call`, and returns `expected` after `answer`. A response
/// without a body is an error that names the call and the body.
pub(crate) async fn check_body<K, C, R, T, F>(
    call: C,
    answer: R,
    method: impl Fn(K) -> F,
    expected: T,
) where
    K: From<OperatorClient>,
    C: Message + Default + PartialEq + Clone + Debug,
    R: Message + Default,
    T: Debug + PartialEq,
    F: Future<Output = Result<T>>,
{
    let empty = exchange(call.clone(), "200 OK", Vec::new(), &method);
    let error = empty.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let message = error.to_string();
    let quoted = message.split('"').nth(1).unwrap();
    assert!(message.contains(&quoted.to_ascii_uppercase()), "{message}");
    let result = exchange(call, "200 OK", answer.encode_to_vec(), &method).await;
    assert_eq!(result.unwrap(), expected);
}

pub(crate) fn assert_default<T: Debug + Default + PartialEq>(value: &T, name: &str) {
    assert_eq!(*value, T::default(), "{name}");
}

/// One call with this response.
pub(crate) async fn exchange<K, C, T, F>(
    call: C,
    status: &str,
    answer: Vec<u8>,
    method: &impl Fn(K) -> F,
) -> Result<T>
where
    K: From<OperatorClient>,
    C: Message + Default + PartialEq + Debug,
    F: Future<Output = Result<T>>,
{
    let server = Server::start().await;
    let client = K::from(OperatorClient::for_endpoint(server.endpoint("")));
    let script = async {
        let mut peer = server.accept().await;
        let request = peer.request().await;
        assert_eq!(request.line, "POST /api/v1 HTTP/1.1");
        assert_eq!(C::decode(request.body).unwrap(), call);
        peer.respond(status, "", answer).await;
        peer
    };
    let (_peer, result) = soon("the response", async {
        tokio::join!(script, method(client))
    })
    .await;
    result
}
