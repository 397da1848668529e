//! A package index on the loopback interface, for the tests of this module.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use super::digest::hex;
use crate::release::{MEMBER, Release};

/// What the fake library in the fake archive contains.
pub(crate) const LIBRARY: &[u8] = b"not really a library";

/// One answer: its bytes as they go over the wire, head and body.
type Answer = Vec<u8>;

/// The requests that came in, each as its request line and its headers.
type Requests = Arc<Mutex<Vec<Vec<String>>>>;

/// A server that is up as long as the test's process is.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Requests,
}

impl Server {
    /// A server that has these answers by path, and 404 for anything else.
    pub(crate) fn start(answers: HashMap<String, Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Requests::default();
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that went away early is the peer's business.
                let _ = serve(stream, &answers, &log);
            }
        });
        Self { address, requests }
    }

    /// An index that has the archive, and whatever `archive` answers for it.
    pub(crate) fn with_archive(release: &Release, archive: Answer) -> Self {
        let package = release.package();
        let file = &package.file;
        let page = format!("<!DOCTYPE html><a href=\"../../files/{file}#sha256=0\">{file}</a>");
        Self::start(HashMap::from([
            (format!("/simple/{}/", package.project), ok(page.as_bytes())),
            (format!("/files/{file}"), archive),
        ]))
    }

    /// The URL of the index, with these credentials (`user:password@`) in it.
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

/// An answer with this body.
pub(crate) fn ok(body: &[u8]) -> Answer {
    cut(body, body.len())
}

/// An answer that announces `announced` bytes and has only the body's.
pub(crate) fn cut(body: &[u8], announced: usize) -> Answer {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// An archive that has the fake library, and the release that is pinned to it.
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
    answers: &HashMap<String, Answer>,
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
    let answer = answers.get(path).unwrap_or(&missing);
    log.lock().expect("no panic in the server").push(request);
    (&stream).write_all(answer)
}
