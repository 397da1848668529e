//! Users, redirects, heads and proxies of `http://` URIs.

use std::sync::mpsc;

use super::{Directories, LIMIT, bypassing, result, send, serve};

#[test]
fn a_user_in_the_uri_is_decoded_and_the_password_is_not_printed() {
    let server = serve(|head, stream| {
        // base64 of "me@corp.example:p@ss:word"
        let right = "basic bwvay29ycc5legftcgxlonbac3m6d29yza==";
        match head.to_ascii_lowercase().contains(right) {
            true => send(stream, "200 OK", "", "text"),
            false => send(stream, "401 Unauthorized", "", "wrong"),
        }
    });
    let directories = Directories::new();
    let right = format!("http://me%40corp.example:p%40ss%3Aword@{server}/f");
    let output = directories.fetch(&bypassing(&right)).expect("is allowed");
    let wrong = format!("http://me%40corp.example:p%40ss%3Awrong@{server}/f");
    let error = directories
        .fetch(&bypassing(&wrong))
        .expect_err("is not allowed");
    assert!(error.contains("401 Unauthorized"), "{error}");
    for text in [output, error] {
        let shown = format!("http://me%40corp.example:***@{server}/f");
        assert!(text.contains(&shown) && !text.contains("p%40ss"), "{text}");
    }
}

/// A server that redirects `/hops/N` to `/hops/N-1`, and `/hops/0` is a file.
pub(crate) fn redirecting() -> String {
    serve(|head, stream| {
        let hops = head
            .strip_prefix("GET /hops/")
            .and_then(|rest| rest.split(' ').next());
        let hops: usize = hops.and_then(|hops| hops.parse().ok()).unwrap_or_default();
        match hops {
            0 => send(stream, "200 OK", "", "text"),
            _ => send(
                stream,
                "302 Found",
                &format!("Location: {}\r\n", hops - 1),
                "moved",
            ),
        }
    })
}

#[test]
fn fifty_redirects_are_followed_and_no_more() {
    let server = redirecting();
    for hops in [0, 9, 15, 40, 50] {
        let directories = Directories::new();
        let fetched = directories.fetch(&bypassing(&format!("http://{server}/hops/{hops}")));
        fetched.unwrap_or_else(|error| panic!("{hops}: {error}"));
        assert_eq!(directories.file(&hops.to_string()).as_deref(), Some("text"));
    }
    let directories = Directories::new();
    let error = directories.fetch(&bypassing(&format!("http://{server}/hops/51")));
    let error = error.expect_err("is too much");
    assert!(error.contains("redirected more than 50 times"), "{error}");
}

#[test]
fn a_redirect_to_another_host_does_not_get_the_password() {
    let other = serve(|head, stream| {
        let sent = head.to_ascii_lowercase().contains("authorization");
        send(stream, "200 OK", "", if sent { "sent" } else { "not sent" });
    });
    let server = serve(move |head, stream| {
        let sent = head.to_ascii_lowercase().contains("authorization");
        assert!(sent, "{head}");
        let location = match head.starts_with("GET /first ") {
            true => "Location: /second\r\n".to_owned(),
            false => format!("Location: http://{other}/f\r\n"),
        };
        send(stream, "307 Temporary Redirect", &location, "");
    });
    let directories = Directories::new();
    let uri = format!("http://u:p@{server}/first");
    directories.fetch(&bypassing(&uri)).expect("is fetched");
    assert_eq!(directories.file("first").as_deref(), Some("not sent"));
}

#[test]
fn a_large_head_of_a_response_is_read() {
    let server = serve(|_, stream| {
        let headers: String = (0..10)
            .map(|number| format!("X-Large-{number}: {}\r\n", "v".repeat(20_000)))
            .collect();
        send(stream, "200 OK", &headers, "text");
    });
    let directories = Directories::new();
    let fetched = directories.fetch(&bypassing(&format!("http://{server}/f")));
    fetched.expect("is fetched");
    assert_eq!(directories.file("f").as_deref(), Some("text"));
}

#[test]
fn a_proxy_gets_the_whole_uri_for_http_and_connect_for_https() {
    let (sent, received) = mpsc::channel();
    let proxy = serve(move |head, stream| {
        sent.send(head.to_owned()).expect("the test waits");
        match head.starts_with("GET ") {
            true => send(stream, "200 OK", "", "from the proxy"),
            false => send(stream, "403 Forbidden", "", ""),
        }
    });
    let directories = Directories::new();
    let proxy = format!("http://me:p%40ss@{proxy}");
    let fetch = |uri: &str| {
        let mut command = directories.command(&bypassing(uri));
        command.env("http_proxy", &proxy).env("https_proxy", &proxy);
        result(&command.output().expect("the program runs"))
    };
    // The host is known to the proxy only.
    fetch("http://u:p@files.invalid:81/f?x=1").expect("is fetched");
    assert_eq!(directories.file("f?x=1").as_deref(), Some("from the proxy"));
    let head = received
        .recv_timeout(LIMIT)
        .expect("a request")
        .to_ascii_lowercase();
    assert!(
        head.starts_with("get http://files.invalid:81/f?x=1 http/1.1\r\n"),
        "{head}"
    );
    // base64 of "me:p@ss" and "u:p"
    for line in [
        "host: files.invalid:81",
        "proxy-authorization: basic bwu6cebzcw==",
        "authorization: basic dtpw",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    let error = fetch("https://files.invalid/f").expect_err("the proxy refuses");
    assert!(!error.contains("p%40ss"), "{error}");
    let head = received.recv_timeout(LIMIT).expect("a request");
    assert!(
        head.starts_with("CONNECT files.invalid:443 HTTP/1.1\r\n"),
        "{head}"
    );
}

#[test]
fn http_proxy_counts_in_small_letters_only() {
    let server = redirecting();
    let directories = Directories::new();
    let items = bypassing(&format!("http://{server}/hops/0"));
    for (name, value, expected) in [
        ("HTTP_PROXY", "http://127.0.0.1:1", true),
        ("http_proxy", "http://127.0.0.1:1", false),
        ("https_proxy", "http://127.0.0.1:1", true),
    ] {
        let output = directories.command(&items).env(name, value).output();
        let result = result(&output.expect("the program runs"));
        assert_eq!(result.is_ok(), expected, "{name}: {result:?}");
    }
}
