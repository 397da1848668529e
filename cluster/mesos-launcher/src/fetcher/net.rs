//! Downloads over HTTP, with libcurl's rules for redirects, proxies and user names in URIs.

use std::env;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use ureq::http::Response;
use ureq::http::header::{AUTHORIZATION, LOCATION, PROXY_AUTHORIZATION};
use ureq::{Body, Proxy};
use url::Url;

/// The program curl has this limit too. The libcurl of Mesos 1.11 has none, and would follow a loop
/// forever.
const REDIRECTS: usize = 50;

/// The number of parts of the stall timeout.
const PARTS: u32 = 16;

/// The longest head of a response, in bytes. libcurl limits a line to 100 KiB.
const HEAD: usize = 1024 * 1024;

/// Downloads `url` into `file`. Fails if nothing is received for `stall_timeout`; the whole download
/// has no limit.
pub(super) fn download(url: &str, file: &File, stall_timeout: Duration) -> Result<()> {
    let (progress, watch) = mpsc::channel();
    let (url, file) = (url.to_owned(), file.try_clone()?);
    // A channel can be waited for with a timeout that restarts with every piece.
    let worker = thread::Builder::new().spawn(move || get(&url, file, &progress));
    let worker = worker.context("cannot start a thread for the download")?;
    // In parts, each of which counts once: a pause of this process (a paused virtual machine) is not
    // the fault of the server.
    let part = stall_timeout / PARTS;
    let mut waited = 0;
    loop {
        match watch.recv_timeout(part) {
            Ok(()) => waited = 0,
            Err(RecvTimeoutError::Timeout) if waited + 1 < PARTS => waited += 1,
            Err(RecvTimeoutError::Timeout) => bail!("received nothing for {stall_timeout:?}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let ended = worker.join();
    ended.unwrap_or_else(|_| bail!("the download panicked"))
}

fn get(url: &str, mut file: File, progress: &Sender<()>) -> Result<()> {
    let response = follow(url, progress)?;
    let status = response.status();
    ensure!(status.as_u16() == 200, "the server responded with {status}");
    let mut body = response.into_body().into_reader();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("the download was interrupted"),
        };
        file.write_all(&piece[..read])
            .context("cannot write the file")?;
        // Without a receiver the download has been given up.
        let _ = progress.send(());
    }
}

/// The response after all redirects.
fn follow(url: &str, progress: &Sender<()>) -> Result<Response<Body>> {
    let mut url = Url::parse(url).context("the URI is not valid")?;
    let mut credentials = credentials(&mut url);
    for _ in 0..=REDIRECTS {
        let response = request(&url, credentials.as_deref())?;
        let _ = progress.send(());
        let Some(mut next) = location(&url, &response)? else {
            return Ok(response);
        };
        let own = self::credentials(&mut next);
        // The password is for the host of the URI. Another port is another host.
        if own.is_some() || next.origin() != url.origin() {
            credentials = own;
        }
        url = next;
    }
    bail!("the server redirected more than {REDIRECTS} times")
}

fn request(url: &Url, credentials: Option<&str>) -> Result<Response<Body>> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .max_response_header_size(HEAD)
        .input_buffer_size(HEAD);
    let mut proxy_credentials = None;
    let agent = match proxy(url, |name| env::var(name).ok()) {
        None => config.build().new_agent(),
        Some(proxy) => {
            let mut proxy = proxy_url(&proxy)?;
            if url.scheme() == "http" && proxy.scheme() == "http" {
                proxy_credentials = self::credentials(&mut proxy);
                super::proxy::agent(config.build(), url, &proxy)?
            } else {
                let proxy = Proxy::new(proxy.as_str());
                let proxy = proxy.context("the proxy of the environment is not valid")?;
                config.proxy(Some(proxy)).build().new_agent()
            }
        }
    };
    let mut request = agent.get(url.as_str());
    for (name, value) in [
        (AUTHORIZATION, credentials),
        (PROXY_AUTHORIZATION, proxy_credentials.as_deref()),
    ] {
        if let Some(value) = value {
            request = request.header(name, format!("Basic {value}"));
        }
    }
    Ok(request.call()?)
}

/// A proxy of the environment. Without a scheme it is an `http://` proxy.
fn proxy_url(proxy: &str) -> Result<Url> {
    let url = match proxy.contains("://") {
        true => Url::parse(proxy),
        false => Url::parse(&format!("http://{proxy}")),
    };
    let url = url.context("the proxy of the environment is not a URL")?;
    let scheme = url.scheme();
    ensure!(
        matches!(scheme, "http" | "https"),
        "a proxy with {scheme}:// is not supported; use http:// or https://"
    );
    Ok(url)
}

/// Where a response redirects to, if it does.
fn location(url: &Url, response: &Response<Body>) -> Result<Option<Url>> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| redirects) else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let shown = super::without_password(&location);
    let mut next = url
        .join(&location)
        .with_context(|| format!("the server redirected to {shown}, which is not a URI"))?;
    ensure!(
        matches!(next.scheme(), "http" | "https"),
        "the server redirected to {shown}, and only http:// and https:// are supported"
    );
    next.set_fragment(None);
    Ok(Some(next))
}

/// Removes the user and the password from a URL. Returns the value for Basic authentication, in
/// which both are percent-decoded.
fn credentials(url: &mut Url) -> Option<String> {
    let password = url.password().unwrap_or_default();
    if url.username().is_empty() && password.is_empty() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    // Both cannot fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(STANDARD.encode(plain))
}

/// The proxy for a URL. `HTTP_PROXY` in capitals does not count, because a web server sets it from
/// the header `Proxy` of a request.
fn proxy(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| variable(name));
        values
            .map(|value| value.trim().to_owned())
            .find(|value| !value.is_empty())
    };
    let without = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if url.host_str().is_none_or(|host| excluded(host, &without)) {
        return None;
    }
    match url.scheme() {
        "https" => first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        _ => first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
    }
}

/// Whether a list of domains, separated by commas or blanks, contains the host. `*` is every host.
fn excluded(host: &str, list: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim_matches(['[', ']']).trim_end_matches('.');
        name.to_ascii_lowercase()
    };
    let host = plain(host);
    list.split([',', ' '])
        .filter(|name| !name.is_empty())
        .any(|name| {
            let domain = plain(name.trim_start_matches('.'));
            let above = host.strip_suffix(&domain);
            name == "*" || above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_and_leave_the_url() {
        for (url, expected, rest) in [
            (
                "http://deploy:p%40ss@h/x",
                Some("deploy:p@ss"),
                "http://h/x",
            ),
            (
                "http://me%40corp.example:x@h/",
                Some("me@corp.example:x"),
                "http://h/",
            ),
            ("http://u:%E4@h/", Some("u:\u{fffd}"), "http://h/"),
            ("http://u@h/", Some("u:"), "http://h/"),
            ("http://:p@h/", Some(":p"), "http://h/"),
            ("http://@h/", None, "http://h/"),
            ("http://h/a@b", None, "http://h/a@b"),
        ] {
            let mut parsed = Url::parse(url).expect("a URL");
            let found = credentials(&mut parsed);
            let found = found.map(|found| STANDARD.decode(found).expect("base64"));
            let found = found.map(|found| String::from_utf8_lossy(&found).into_owned());
            assert_eq!(found.as_deref(), expected, "{url}");
            assert_eq!(parsed.as_str(), rest);
        }
    }

    #[test]
    fn the_environment_selects_the_proxy_as_for_curl() {
        let http = "http://files.example.com/a";
        let https = "https://files.example.com/a";
        for (url, variables, expected) in [
            (http, &[("http_proxy", "p")][..], Some("p")),
            (http, &[("HTTP_PROXY", "p")], None),
            (http, &[("https_proxy", "p")], None),
            (http, &[("http_proxy", ""), ("ALL_PROXY", "a")], Some("a")),
            (https, &[("http_proxy", "p")], None),
            (https, &[("HTTPS_PROXY", "p")], Some("p")),
            (
                https,
                &[("HTTPS_PROXY", "p"), ("https_proxy", "q")],
                Some("q"),
            ),
            (http, &[("http_proxy", "p"), ("no_proxy", "*")], None),
            (
                http,
                &[("http_proxy", "p"), ("no_proxy", "a.b, Example.com")],
                None,
            ),
            (
                http,
                &[("http_proxy", "p"), ("NO_PROXY", ".example.com")],
                None,
            ),
            (
                http,
                &[("http_proxy", "p"), ("no_proxy", "ample.com")],
                Some("p"),
            ),
            (
                http,
                &[("http_proxy", "p"), ("no_proxy", "x.files.example.com")],
                Some("p"),
            ),
            (
                "http://[::1]/a",
                &[("http_proxy", "p"), ("no_proxy", "::1")],
                None,
            ),
        ] {
            let url = Url::parse(url).expect("a URL");
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(
                proxy(&url, variable).as_deref(),
                expected,
                "{url} {variables:?}"
            );
        }
    }
}
