//! Checks of one connection to the master: the protocol and certificate of TLS, and the clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};

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
                          tls-openssl; if the master requires client certificates, set \
                          MESOS_CERTIFICATE_FILE and MESOS_KEY_FILE";

/// The checks of a connection to `address`, which is `HOST:PORT`.
pub(super) async fn checks(host: &str, address: &str, tls: bool) -> Vec<Check> {
    let stream = match connect(address).await {
        Ok(stream) => stream,
        Err(error) => {
            let advice = "open the port of the master in the firewall, and check its --hostname";
            return vec![Check::failed("port", format!("{address}: {error}"), advice)];
        }
    };
    let mut checks = vec![Check::ok("port", format!("{address} accepts connections"))];
    if !tls {
        checks.push(clock(stream, host).await);
        return checks;
    }
    let host = host.to_owned();
    let handshake = async {
        let name = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
        let config = config().map_err(std::io::Error::other)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    };
    let stream = match timeout(CONNECT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            checks.push(Check::failed("tls", error.to_string(), TLS_ADVICE));
            return checks;
        }
        Err(_) => {
            checks.push(Check::failed("tls", "the handshake timed out", TLS_ADVICE));
            return checks;
        }
    };
    let session = stream.get_ref().1;
    let protocol = session
        .protocol_version()
        .and_then(|version| version.as_str());
    let suite = session.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str());
    let detail = format!("{} with {}", protocol.unwrap_or("?"), suite.unwrap_or("?"));
    checks.push(Check::ok("tls", detail));
    if let Some(certificate) = session.peer_certificates().and_then(|all| all.first()) {
        checks.push(expiry(certificate));
    }
    checks.push(clock(stream, &host).await);
    checks
}

/// Whether the certificate is valid now, and for how long.
fn expiry(certificate: &CertificateDer<'_>) -> Check {
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

fn config() -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(default_provider().into());
    Ok(config
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny))
        .with_no_client_auth())
}

/// Accepts any certificate, because this connection only reads the certificate. The other checks use
/// the settings of the cluster, and fail on a certificate that is not trusted.
#[derive(Debug)]
struct AcceptAny;

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

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
