//! A scripted peer for one call of the operator API: it checks the exact message.

use std::fmt::Debug;

use mesos_core::{ErrorKind, Result};
use mesos_http::{Codec, OperatorClient};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

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
        let method = |client: Client| async move { client.$method($($argument),*).await };
        let result = Box::pin(exchange(call, "200 OK", Some(&response), &method)).await;
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
        let result = Box::pin(exchange($call, "200 OK", None::<&Response>, &method)).await;
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
    C: Message + Default + PartialEq + Clone + Debug + DeserializeOwned,
    R: Message + Serialize,
    T: Debug + PartialEq,
    F: Future<Output = Result<T>>,
{
    let empty = exchange(call.clone(), "200 OK", None::<&R>, &method);
    let error = empty.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let message = error.to_string();
    let quoted = message.split('"').nth(1).unwrap();
    assert!(message.contains(&quoted.to_ascii_uppercase()), "{message}");
    let result = exchange(call, "200 OK", Some(&answer), &method).await;
    assert_eq!(result.unwrap(), expected);
}

pub(crate) fn assert_default<T: Debug + Default + PartialEq>(value: &T, name: &str) {
    assert_eq!(*value, T::default(), "{name}");
}

/// One call with this response, in the encoding of the request. `None` is an empty response.
pub(crate) async fn exchange<K, C, R, T, F>(
    call: C,
    status: &str,
    answer: Option<&R>,
    method: &impl Fn(K) -> F,
) -> Result<T>
where
    K: From<OperatorClient>,
    C: Message + Default + PartialEq + Debug + DeserializeOwned,
    R: Message + Serialize,
    F: Future<Output = Result<T>>,
{
    let server = Server::start().await;
    let client = K::from(OperatorClient::for_endpoint(server.endpoint("")));
    let script = async {
        let mut peer = server.accept().await;
        let request = peer.request().await;
        assert_eq!(request.line, "POST /api/v1 HTTP/1.1");
        let accepted = request.header("accept").unwrap();
        assert_eq!(request.header("content-type").unwrap(), accepted);
        let is_json = accepted == Codec::Json.media_type();
        let found: Box<C> = decode(&request.body, is_json);
        let body = answer.map(|answer| encode(answer, is_json));
        assert!(*found == call, "{found:?}");
        peer.respond(status, "", body.unwrap_or_default()).await;
        peer
    };
    let (_peer, result) = soon("the response", async {
        tokio::join!(script, method(client))
    })
    .await;
    result
}

// Functions of their own, because unoptimized code has room on the stack for each of the large messages.
fn decode<C: Message + Default + DeserializeOwned>(body: &[u8], is_json: bool) -> Box<C> {
    match is_json {
        true => serde_json::from_slice(body).unwrap(),
        false => Box::new(C::decode(body).unwrap()),
    }
}

fn encode(answer: &(impl Message + Serialize), is_json: bool) -> Vec<u8> {
    match is_json {
        true => serde_json::to_vec(answer).unwrap(),
        false => answer.encode_to_vec(),
    }
}
