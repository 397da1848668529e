//! Checks of one connection to the master: the protocol and certificate of TLS, and the clock.

use std::time::{Duration, SystemTime};

use mesos::Endpoint;
use mesos::http::TlsConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::CONNECT;
use super::check::Check;
use super::network::connect;

/// A larger difference confuses logs and the times of tasks.
const MOST_DIFFERENCE: Duration = Duration::from_secs(5);
/// The time before the end of a certificate from which on the check warns.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Enough for the head of a response.
const MOST_BYTES: u64 = 16 * 1024;

const CLOCK_ADVICE: &str = "synchronize the clocks of this machine and of the master with NTP";
const TLS_ADVICE: &str = "start the master with LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256:\
                          ECDHE-ECDSA-AES128-GCM-SHA256, or use a program with the feature \
                          tls-openssl";
const CLIENT_ADVICE: &str = "if the master requires client certificates \
                             (LIBPROCESS_SSL_REQUIRE_CERT), set MESOS_CERTIFICATE_FILE and \
                             MESOS_KEY_FILE";

/// The checks of a connection to `address`, which is `HOST:PORT`. `tls` has the settings of the
/// client, if the master uses TLS.
pub(super) async fn checks(host: &str, address: &str, tls: Option<TlsConfig>) -> Vec<Check> {
    let stream = match connect(address).await {
        Ok(stream) => stream,
        Err(error) => {
            let advice = "open the port of the master in the firewall, and check its --hostname";
            return vec![Check::failed("port", format!("{address}: {error}"), advice)];
        }
    };
    let mut checks = vec![Check::ok("port", format!("{address} accepts connections"))];
    let Some(tls) = tls else {
        checks.push(clock(stream, host).await);
        return checks;
    };
    drop(stream);
    let endpoint = match format!("https://{address}").parse::<Endpoint>() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            checks.push(Check::failed("tls", error.to_string(), TLS_ADVICE));
            return checks;
        }
    };
    let probe = match timeout(CONNECT, tls.probe(&endpoint)).await {
        Ok(Ok(probe)) => probe,
        Ok(Err(error)) => {
            checks.push(Check::error("tls", error, TLS_ADVICE));
            return checks;
        }
        Err(_) => {
            checks.push(Check::failed("tls", "the handshake timed out", TLS_ADVICE));
            return checks;
        }
    };
    let detail = format!("{} with {}", probe.protocol(), probe.cipher_suite());
    checks.push(Check::ok("tls", detail));
    if let Some(certificate) = probe.certificate() {
        checks.push(expiry(&certificate));
    }
    if probe.lacks_client_certificate() {
        let detail = "the master requests one, and none is set";
        checks.push(Check::warning("client certificate", detail, CLIENT_ADVICE));
    }
    checks.push(clock(probe.into_stream(), host).await);
    checks
}

/// Whether the certificate is valid now, and for how long.
fn expiry(certificate: &[u8]) -> Check {
    let name = "certificate";
    let advice = "replace the certificate of the master (LIBPROCESS_SSL_CERT_FILE)";
    let parsed = match x509_parser::parse_x509_certificate(certificate) {
        Ok((_, parsed)) => parsed,
        Err(error) => return Check::failed(name, error.to_string(), advice),
    };
    let validity = parsed.validity();
    let until = validity.not_after;
    if !validity.is_valid() {
        let from = validity.not_before;
        return Check::failed(name, format!("valid from {from} to {until}"), advice);
    }
    let left = validity.time_to_expiration();
    let soon = left.is_some_and(|left| left.whole_seconds().unsigned_abs() < SOON.as_secs());
    let detail = format!("valid until {until}");
    match soon {
        true => Check::warning(name, detail, advice),
        false => Check::ok(name, detail),
    }
}

/// Compares the header Date of a response with the clock of this machine.
async fn clock(stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Check {
    let name = "clock";
    let sent = SystemTime::now();
    let head = match timeout(CONNECT, head(stream, host)).await {
        Ok(Ok(head)) => head,
        Ok(Err(error)) => return Check::failed(name, error.to_string(), CLOCK_ADVICE),
        Err(_) => return Check::failed(name, "no response in time", CLOCK_ADVICE),
    };
    let received = SystemTime::now();
    match date(&head) {
        Some(date) => compare(sent, received, date),
        None => Check::warning(name, "the response has no date", CLOCK_ADVICE),
    }
}

/// `date` is in whole seconds, and was measured between `sent` and `received`.
fn compare(sent: SystemTime, received: SystemTime, date: SystemTime) -> Check {
    let behind = sent.duration_since(date).unwrap_or_default();
    let ahead = date.duration_since(received).unwrap_or_default();
    let (difference, word) = if behind > ahead {
        (behind, "behind")
    } else {
        (ahead, "ahead")
    };
    let seconds = difference.as_secs();
    if difference > MOST_DIFFERENCE {
        let detail = format!("the clock of the master is {seconds} s {word}");
        return Check::warning("clock", detail, CLOCK_ADVICE);
    }
    Check::ok(
        "clock",
        format!("the clocks differ by at most {} s", seconds + 1),
    )
}

fn date(head: &str) -> Option<SystemTime> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let (_, date) = lines.find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
    httpdate::parse_http_date(date.trim()).ok()
}

/// The head of the response to a request that needs no credentials.
async fn head(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
) -> std::io::Result<String> {
    let request = format!("GET /version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut bytes = Vec::new();
    let mut stream = stream.take(MOST_BYTES);
    while stream.read_buf(&mut bytes).await? > 0 {
        if bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[tokio::test]
    async fn the_clock_of_a_response_is_compared_with_the_own_clock() {
        let now = httpdate::fmt_http_date(SystemTime::now());
        for (date, state, part) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", State::Warning, "s behind"),
            ("Fri, 01 Jan 2100 00:00:00 GMT", State::Warning, "s ahead"),
            (now.as_str(), State::Ok, "differ by at most"),
        ] {
            let (client, mut server) = tokio::io::duplex(1024);
            let response = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n");
            server.write_all(response.as_bytes()).await.unwrap();
            let check = clock(client, "master").await;
            assert!(check.detail.contains(part), "{check:?}");
            assert_eq!(check.state, state);
        }
    }

    #[test]
    fn a_clock_that_differs_by_more_than_5_seconds_is_a_warning() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let second = Duration::from_secs(1);
        for (date, state) in [
            (now, State::Ok),
            (now - 5 * second, State::Ok),
            (now - 6 * second, State::Warning),
            (now + 6 * second, State::Ok),
            (now + 7 * second, State::Warning),
        ] {
            assert_eq!(compare(now, now + second, date).state, state);
        }
        let head = "HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:07 GMT\r\n\r\n";
        assert_eq!(date(head), Some(SystemTime::UNIX_EPOCH + 7 * second));
        assert_eq!(date("HTTP/1.1 200 OK\r\n\r\n"), None);
    }
}
