//! The cache against an index on the loopback interface.

use std::process::{Command, Stdio};

use super::super::server::{LIBRARY, Server, archive, cut, ok};
use super::*;

/// Fetches from the server into an empty cache. After an error the cache must contain only the lock.
fn fetch(server: &Server, release: &Release) -> Result<Vec<u8>, Error> {
    fetch_from(&server.url(""), release)
}

fn fetch_from(url: &str, release: &Release) -> Result<Vec<u8>, Error> {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = Cache::at(directory.path());
    let result = cache.library(release, || Index::at(url, "the test"));
    if result.is_err() {
        let left: Vec<_> = fs::read_dir(directory.path().join(&release.version))
            .expect("the version's directory")
            .collect();
        assert!(left.is_empty(), "left in the cache: {left:?}");
    }
    result.map(|path| fs::read(path).expect("the library"))
}

fn expect(error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(
            error.to_string().contains(part),
            "{part:?} is missing in: {error}"
        );
    }
}

#[test]
fn the_library_is_downloaded_once_and_then_comes_from_the_cache() {
    let (bytes, release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    let directory = tempfile::tempdir().expect("a directory");
    let cache = Cache::at(directory.path());
    let path = cache
        .library(&release, || Index::at(&server.url(""), "the test"))
        .expect("a download");
    assert_eq!(path, directory.path().join("0.0.1/_scheduler.so"));
    assert_eq!(fs::read(&path).expect("the library"), LIBRARY);
    assert_eq!(
        fs::read_dir(directory.path().join("0.0.1"))
            .expect("the directory")
            .count(),
        1
    );

    let again = cache.library(&release, || panic!("the index must not be read again"));
    assert_eq!(again.expect("the cached one"), path);
}

#[test]
fn an_archive_with_the_wrong_hash_is_refused_and_both_hashes_are_named() {
    let (bytes, mut release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    let got = std::mem::replace(&mut release.sha256, "0".repeat(64));
    let error = fetch(&server, &release).expect_err("a wrong hash");
    let parts = [
        &*got,
        &*release.sha256,
        "/files/mesos.scheduler-0.0.1",
        "The archive was discarded",
        "try again",
    ];
    expect(&error, ErrorKind::Download, &parts);
}

#[test]
fn a_download_that_is_cut_short_says_where() {
    let (bytes, release) = archive();
    let server = Server::with_archive(&release, cut(&bytes[..100], bytes.len()));
    let error = fetch(&server, &release).expect_err("a cut download");
    let of = format!("cut short after 100 of {} bytes", bytes.len());
    expect(
        &error,
        ErrorKind::Download,
        &[&of, "/files/mesos.scheduler-0.0.1", "try again"],
    );
}

#[test]
fn a_page_that_is_not_an_index_is_reported() {
    let (_, release) = archive();
    for garbage in [&b"\xff\xfe\0 << nothing"[..], b"", b"{}"] {
        let page = "/simple/mesos-scheduler/".to_owned();
        let server = Server::start([(page, ok(garbage))].into());
        let error = fetch(&server, &release).expect_err("garbage");
        expect(
            &error,
            ErrorKind::Index,
            &["/simple/mesos-scheduler/ is not a package index"],
        );
    }
}

#[test]
fn an_index_without_the_file_and_one_without_the_page_have_different_errors() {
    let (bytes, release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    let other = Release {
        version: "0.0.2".into(),
        ..release
    };
    let error = fetch(&server, &other).expect_err("no such file");
    expect(
        &error,
        ErrorKind::Index,
        &[
            "has 1 links, but no link to mesos.scheduler-0.0.2",
            "PIP_INDEX_URL",
        ],
    );

    let server = Server::start([].into());
    let error = fetch(&server, &other).expect_err("no such page");
    expect(
        &error,
        ErrorKind::Index,
        &["cannot read", "/simple/mesos-scheduler/", "PIP_INDEX_URL"],
    );
    assert!(error.report().contains("404"), "{}", error.report());
}

#[test]
fn the_error_of_an_index_that_cannot_be_reached_says_what_to_change() {
    let (_, release) = archive();
    // Bound and dropped: no process listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let url = format!("http://{}/simple", address.expect("a free port"));
    let error = fetch_from(&url, &release).expect_err("no listener");
    expect(
        &error,
        ErrorKind::Index,
        &[
            "cannot read",
            "HTTPS_PROXY",
            "SSL_CERT_FILE",
            "MESOS_NATIVE_LIBRARY",
        ],
    );
}

#[test]
fn credentials_of_the_index_are_sent_and_not_printed() {
    let (bytes, mut release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    release.sha256 = "0".repeat(64);
    let error = fetch_from(&server.url("me:hunt%26r2@"), &release).expect_err("a wrong hash");
    let shown = format!("{} {error:?}", error.report());
    assert!(!shown.contains("hunt"), "{shown}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        // base64 of "me:hunt&r2"
        let sent = request
            .iter()
            .any(|line| line.eq_ignore_ascii_case("authorization: Basic bWU6aHVudCZyMg=="));
        assert!(sent, "{request:?}");
    }
}

#[test]
fn the_files_of_a_killed_process_are_removed_by_the_next() {
    let (bytes, release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    let directory = tempfile::tempdir().expect("a directory");
    let version = directory.path().join(&release.version);
    fs::create_dir_all(&version).expect("a directory");
    fs::write(version.join("unfinished-1"), "half a download").expect("a file");
    let cache = Cache::at(directory.path());
    cache
        .library(&release, || Index::at(&server.url(""), "the test"))
        .expect("a download");
    assert!(!version.join("unfinished-1").exists());
}

const URL: &str = "MESOS_LOCAL_TEST_INDEX";
const DIRECTORY: &str = "MESOS_LOCAL_TEST_CACHE";

#[test]
#[ignore = "the other process of the next test, which runs it"]
fn helper_that_fetches_in_another_process() {
    let (_, release) = archive();
    let variable = |name| std::env::var(name).expect("set by the test that runs this");
    let cache = Cache::at(variable(DIRECTORY));
    let path = cache
        .library(&release, || Index::at(&variable(URL), "the test"))
        .expect("a library");
    assert_eq!(fs::read(path).expect("the library"), LIBRARY);
}

#[test]
fn one_of_several_processes_downloads_and_the_others_wait() {
    let (bytes, release) = archive();
    let server = Server::with_archive(&release, ok(&bytes));
    let directory = tempfile::tempdir().expect("a directory");
    // Held while the others start, so that all of them wait for the lock.
    let cache = Cache::at(directory.path());
    let lock = cache.lock(&release.package()).expect("the lock");
    let (_, module) = module_path!()
        .split_once("::")
        .expect("a crate and modules");
    let helper = format!("{module}::helper_that_fetches_in_another_process");
    let start = || {
        Command::new(std::env::current_exe().expect("this test"))
            .args(["--ignored", "--nocapture", "--exact"])
            .arg(&helper)
            .env(URL, server.url(""))
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process")
    };
    let mut children = [start(), start(), start()];
    for child in &mut children {
        let mut stderr = BufReader::new(child.stderr.as_mut().expect("piped"));
        let (mut line, waiting) = (
            String::new(),
            format!("waiting for process {}", std::process::id()),
        );
        io::BufRead::read_line(&mut stderr, &mut line).expect("a line");
        assert!(line.starts_with(&waiting), "{line:?} is not {waiting:?}");
    }
    drop(lock);
    for child in children {
        let output = child.wait_with_output().expect("its end");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        server.requests().len(),
        2,
        "the page and the archive, once each"
    );
}
