//! The program `mesos-fetcher`, started by a process that is not an agent.
#![cfg(target_os = "linux")]

mod http;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the test waits for a request of the fetcher.
const LIMIT: Duration = Duration::from_secs(60);

/// A sandbox and a cache.
struct Directories {
    root: TempDir,
    sandbox: PathBuf,
    cache: PathBuf,
}

impl Directories {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let (sandbox, cache) = (root.path().join("sandbox"), root.path().join("cache"));
        fs::create_dir(&sandbox).expect("a directory");
        Self {
            root,
            sandbox,
            cache,
        }
    }

    fn command(&self, items: &Value) -> Command {
        self.command_as(items, None)
    }

    fn command_as(&self, items: &Value, user: Option<&str>) -> Command {
        let info = json!({
            "sandbox_directory": self.sandbox,
            "cache_directory": self.cache,
            "items": items,
            "user": user,
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesos-fetcher"));
        command
            .env_clear()
            .env("MESOS_FETCHER_INFO", info.to_string());
        command
    }

    fn fetch(&self, items: &Value) -> Result<String, String> {
        result(&self.command(items).output().expect("the program runs"))
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.sandbox.join(name)).ok()
    }
}

/// The messages of a success or a failure. Standard output belongs to the task.
fn result(output: &Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.stdout.is_empty(), "{output:?}");
    match output.status.code() {
        Some(0) => Ok(text),
        Some(1) => Err(text),
        _ => panic!("{}: {text}", output.status),
    }
}

fn bypassing(value: &str) -> Value {
    json!([{"uri": {"value": value}, "action": "BYPASS_CACHE"}])
}

fn caching(value: &str, name: &str) -> Value {
    json!([{"uri": {"value": value}, "action": "DOWNLOAD_AND_CACHE", "cache_filename": name}])
}

/// Serves requests on a thread until the test ends. `respond` gets the head of a request.
fn serve(respond: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or_default() == 0 {
                    break;
                }
            }
            respond(&head, &mut stream);
        }
    });
    address.to_string()
}

fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
}

fn tar(name: &str, content: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o666);
    // set_path() alone refuses `..`.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    tar.append(&header, content.as_bytes()).expect("a member");
    tar.into_inner().expect("a tar")
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn the_name_selects_that_a_file_is_unpacked_and_the_content_selects_how() {
    for (name, content, unpacked) in [
        ("plain.tgz", tar("in/f", "text"), true),
        ("gzip.tar", gzip(&tar("in/f", "text")), true),
        ("tar.zip", tar("in/f", "text"), true),
        ("tar.data", tar("in/f", "text"), false),
    ] {
        let directories = Directories::new();
        let source = directories.root.path().join(name);
        fs::write(&source, &content).expect("a file");
        let fetched = directories.fetch(&bypassing(source.to_str().expect("UTF-8")));
        let output = fetched.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            output.contains("is not that of an archive"),
            !unpacked,
            "{name}: {output}"
        );
        let expected = unpacked.then(|| "text".to_owned());
        assert_eq!(directories.file("in/f"), expected, "{name}");
        assert_eq!(
            fs::read(directories.sandbox.join(name)).ok(),
            Some(content),
            "{name}"
        );
    }
}

#[test]
fn an_archive_with_a_member_outside_of_the_sandbox_fails_the_fetch() {
    let directories = Directories::new();
    let source = directories.root.path().join("a.tgz");
    fs::write(&source, gzip(&tar("../escape", "text"))).expect("a file");
    let error = directories.fetch(&bypassing(source.to_str().expect("UTF-8")));
    let error = error.expect_err("is refused");
    assert!(
        error.contains("the path \"../escape\" contains \"..\""),
        "{error}"
    );
    assert!(!directories.root.path().join("escape").exists());
}

#[test]
fn a_gz_file_that_is_not_an_archive_is_decompressed() {
    let directories = Directories::new();
    let source = directories.root.path().join("words.txt.gz");
    fs::write(&source, gzip(b"words")).expect("a file");
    let uri = source.to_str().expect("UTF-8").to_owned();
    directories.fetch(&bypassing(&uri)).expect("is fetched");
    assert_eq!(directories.file("words.txt").as_deref(), Some("words"));
    // As gunzip, which Mesos runs.
    fs::write(&source, "words").expect("a file");
    let error = directories
        .fetch(&bypassing(&uri))
        .expect_err("is not compressed");
    assert!(error.contains("not compressed"), "{error}");
}

#[test]
fn an_output_file_is_always_in_the_sandbox() {
    let directories = Directories::new();
    let source = directories.root.path().join("f");
    fs::write(&source, "text").expect("a file");
    symlink("..", directories.sandbox.join("up")).expect("a symlink");
    symlink("../victim", directories.sandbox.join("link")).expect("a symlink");
    for (file, expected) in [
        ("a/b", Ok("a/b")),
        ("/abs/f", Ok("abs/f")),
        // The file replaces the symlink.
        ("link", Ok("link")),
        ("../escape", Err("remove the \"..\"")),
        ("a/../../escape", Err("remove the \"..\"")),
        ("up/escape", Err("cannot create up/escape")),
    ] {
        let items = json!([{
            "uri": {"value": source, "output_file": file},
            "action": "BYPASS_CACHE",
        }]);
        match (directories.fetch(&items), expected) {
            (Ok(_), Ok(path)) => assert_eq!(directories.file(path).as_deref(), Some("text")),
            (Err(error), Err(part)) => assert!(error.contains(part), "{file}: {error}"),
            (result, _) => panic!("{file}: {result:?}"),
        }
    }
    assert!(!directories.root.path().join("escape").exists());
    assert!(!directories.root.path().join("victim").exists());
}

#[test]
fn a_file_that_is_already_in_the_cache_is_downloaded_again() {
    let directories = Directories::new();
    fs::create_dir(&directories.cache).expect("a directory");
    fs::write(directories.cache.join("c1-f"), "half of ano").expect("a file");
    let source = directories.root.path().join("f");
    fs::write(&source, "whole").expect("a file");
    let items = caching(source.to_str().expect("UTF-8"), "c1-f");
    directories.fetch(&items).expect("is fetched");
    assert_eq!(directories.file("f").as_deref(), Some("whole"));
    let cached = fs::read_to_string(directories.cache.join("c1-f"));
    assert_eq!(cached.expect("a file"), "whole");
}

#[test]
fn a_killed_or_failed_fetcher_leaves_no_part_of_a_file() {
    let (sent, received) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let server = serve(move |head, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        let _ = stream.write_all(&[b'x'; 50_000]);
        if head.starts_with("GET /held") {
            let _ = sent.send(());
            let _ = ended.recv();
        }
    });
    let directories = Directories::new();
    let items = |uri: &str| {
        let items = [bypassing(uri), caching(uri, "c1-f")];
        items.into_iter()
    };
    for items in items(&format!("http://{server}/held")) {
        let mut fetcher = directories
            .command(&items)
            .spawn()
            .expect("the program runs");
        received.recv_timeout(LIMIT).expect("a request");
        // The fetcher has read a part of the file when the file has a length.
        let open = PathBuf::from(format!("/proc/{}/fd", fetcher.id()));
        while !writes_a_part(&open, directories.root.path()) {
            assert!(
                fetcher.try_wait().expect("a child").is_none(),
                "the fetcher ended"
            );
            thread::yield_now();
        }
        fetcher.kill().expect("is alive");
        fetcher.wait().expect("a child");
        end.send(()).expect("the server waits");
    }
    for items in items(&format!("http://{server}/cut")) {
        directories.fetch(&items).expect_err("the download is cut");
    }
    for directory in [&directories.sandbox, &directories.cache] {
        let left: Vec<_> = fs::read_dir(directory).expect("a directory").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Whether one of the open files is below the directory and is not empty.
fn writes_a_part(descriptors: &Path, directory: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(descriptors) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        let below = fs::read_link(descriptor.path()).is_ok_and(|path| path.starts_with(directory));
        let found = fs::metadata(descriptor.path());
        below && found.is_ok_and(|found| found.is_file() && found.len() > 0)
    })
}

#[test]
fn the_cache_of_another_user_belongs_to_the_user() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("NOT TESTED: only root can fetch for another user");
    }
    let directories = Directories::new();
    let root = directories.root.path();
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("own directory");
    let nobody = nix::unistd::User::from_name("nobody")
        .expect("users")
        .expect("a user");
    let user = (nobody.uid, nobody.gid);
    nix::unistd::chown(&directories.sandbox, Some(user.0), Some(user.1)).expect("root");
    let source = root.join("f");
    fs::write(&source, "text").expect("a file");
    let directories = Directories {
        cache: directories.cache.join("agent/nobody"),
        ..directories
    };
    let items = caching(source.to_str().expect("UTF-8"), "c1-f");
    let output = directories.command_as(&items, Some("nobody")).output();
    let fetched = result(&output.expect("the program runs"));
    fetched.unwrap_or_else(|error| panic!("{error}"));
    for path in [
        &directories.cache,
        &directories.cache.join("c1-f"),
        &directories.sandbox.join("f"),
    ] {
        let owner = fs::metadata(path).expect("is there").uid();
        assert_eq!(owner, user.0.as_raw(), "{}", path.display());
    }
    let above = directories.cache.parent().expect("a directory");
    assert_eq!(fs::metadata(above).expect("is there").uid(), 0);
}

#[test]
fn each_step_is_a_line_of_stderr_as_in_mesos() {
    let directories = Directories::new();
    let root = directories.root.path();
    let archive = root.join("a.tar");
    fs::write(&archive, tar("f", "text")).expect("a file");
    let archive = archive.to_str().expect("UTF-8");
    let log = directories.fetch(&bypassing(archive)).expect("is fetched");
    let sandbox = directories.sandbox.display();
    let expected = [
        format!("mesos-fetcher: fetching {archive}"),
        format!("mesos-fetcher: extracted {sandbox}/a.tar into {sandbox}"),
        format!("mesos-fetcher: fetched {archive} to {sandbox}/a.tar"),
        format!("mesos-fetcher: fetched all URIs into {sandbox}"),
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_has_the_modes_of_mesos() {
    let server = http::redirecting();
    let directories = Directories::new();
    let source = directories.root.path().join("f");
    fs::write(&source, "text").expect("a file");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o4777)).expect("own file");
    let uri = |value: &str, name: &str, executable: bool| {
        json!({
            "uri": {"value": value, "output_file": name, "executable": executable},
            "action": "BYPASS_CACHE",
        })
    };
    let (local, remote) = (
        source.to_str().expect("UTF-8"),
        format!("http://{server}/hops/0"),
    );
    let items = json!([
        uri(local, "local", false),
        uri(local, "local-run", true),
        uri(&remote, "remote", false),
        uri(&remote, "remote-run", true),
    ]);
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "umask 027; exec \"$0\"",
        env!("CARGO_BIN_EXE_mesos-fetcher"),
    ]);
    let info = json!({"sandbox_directory": directories.sandbox, "items": items});
    shell
        .env("MESOS_FETCHER_INFO", info.to_string())
        .stdin(Stdio::null());
    result(&shell.output().expect("a shell")).expect("is fetched");
    for (name, mode) in [
        ("local", 0o750),
        ("local-run", 0o755),
        ("remote", 0o640),
        ("remote-run", 0o755),
    ] {
        let found = fs::metadata(directories.sandbox.join(name)).expect("a file");
        assert_eq!(found.mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn a_stalled_download_fails() {
    let server = serve(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        // Until the fetcher closes the connection.
        let _ = stream.read(&mut [0]);
    });
    let directories = Directories::new();
    let info = json!({
        "sandbox_directory": directories.sandbox,
        "items": bypassing(&format!("http://{server}/f")),
        "stall_timeout": {"nanoseconds": 300_000_000},
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesos-fetcher"));
    command.env("MESOS_FETCHER_INFO", info.to_string());
    let error = result(&command.output().expect("the program runs"));
    let error = error.expect_err("receives nothing");
    assert!(error.contains("received nothing for 300ms"), "{error}");
    assert!(directories.file("f").is_none());
}
