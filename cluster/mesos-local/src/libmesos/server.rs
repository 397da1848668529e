//! A package index on the loopback interface, for the tests of this module.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use super::digest::hex;
use crate::release::{MEMBER, Release};

/// The content of the fake library in the fake archive.
pub(crate) const LIBRARY: &[u8] = b"not really a library";

/// One response: its head and body in bytes.
type Response = Vec<u8>;

/// The received requests, each as its request line and its headers.
type Requests = Arc<Mutex<Vec<Vec<String>>>>;

/// A server that runs until the test's process ends.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Requests,
}

impl Server {
    /// A server with these responses by path, and 404 for other paths.
    pub(crate) fn start(responses: HashMap<String, Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Requests::default();
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client may close its connection early.
                let _ = serve(stream, &responses, &log);
            }
        });
        Self { address, requests }
    }

    /// An index with a link to the archive, and this response for the archive.
    pub(crate) fn with_archive(release: &Release, archive: Response) -> Self {
        let package = release.package();
        let file = &package.file;
        let page = format!("<!DOCTYPE html><a href=\"../../files/{file}#sha256=0\">{file}</a>");
        Self::start(HashMap::from([
            (format!("/simple/{}/", package.project), ok(page.as_bytes())),
            (format!("/files/{file}"), archive),
        ]))
    }

    /// The URL of the index, with these credentials (`user:password@`).
    pub(crate) fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}/simple", self.address)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Vec<String>> {
        self.requests
            .lock()
            .expect("no panic in the server")
            .clone()
    }
}

/// A response with this body.
pub(crate) fn ok(body: &[u8]) -> Response {
    cut(body, body.len())
}

/// A response whose Content-Length is `announced` and whose body is shorter.
pub(crate) fn cut(body: &[u8], announced: usize) -> Response {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// An archive with the fake library, and a release that is pinned to the archive.
pub(crate) fn archive() -> (Vec<u8>, Release) {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in [
        ("./usr/lib/other.py", &b"x"[..]),
        ("./usr/lib/_scheduler.so", LIBRARY),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, name, content)
            .expect("into memory");
    }
    assert!("./usr/lib/_scheduler.so".ends_with(MEMBER));
    let bytes = tar
        .into_inner()
        .and_then(GzEncoder::finish)
        .expect("into memory");
    let sha256 = hex(&Sha256::digest(&bytes));
    (
        bytes,
        Release {
            version: "0.0.1".into(),
            sha256,
        },
    )
}

fn serve(
    stream: TcpStream,
    responses: &HashMap<String, Response>,
    log: &Requests,
) -> std::io::Result<()> {
    let request: Vec<String> = BufReader::new(&stream)
        .lines()
        .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
        .collect::<Result<_, _>>()?;
    let path = request
        .first()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or_default();
    let missing =
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
    let response = responses.get(path).unwrap_or(&missing);
    log.lock().expect("no panic in the server").push(request);
    (&stream).write_all(response)
}
