//! `mesos-containerizer` for containers with a root filesystem. The tests need root.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mesos_local::testing::{can_have_images, write_image};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mesos-containerizer");
/// `CLONE_NEWNS`.
const MOUNT_NAMESPACE: i32 = 0x0002_0000;
/// `MS_BIND | MS_REC`.
const BIND: i32 = 0x5000;

/// A root filesystem with a shell, and a sandbox.
struct Files {
    folder: TempDir,
    root: PathBuf,
    sandbox: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (root, sandbox) = (base.join("root"), base.join("sandbox"));
        write_image(&base, ("shell", "1"), &["/bin/sh", "/bin/sleep"], &[]).unwrap();
        fs::create_dir(&root).unwrap();
        fs::create_dir(&sandbox).unwrap();
        for (archive, directory) in [("shell:1.tar", &base), ("layer/layer.tar", &root)] {
            let mut tar = Command::new("tar");
            // The name of the archive contains a colon, and is not that of a host.
            tar.args(["--force-local", "-xf"]).arg(base.join(archive));
            assert!(tar.arg("-C").arg(directory).status().unwrap().success());
        }
        Self {
            folder,
            root,
            sandbox,
        }
    }

    /// The launch info of a script on the root filesystem, with the sandbox at /mnt/sandbox.
    fn info(&self, script: &str) -> Value {
        let target = self.root.join("mnt/sandbox");
        json!({
            "command": { "value": script },
            "rootfs": self.root,
            "working_directory": "/mnt/sandbox",
            "clone_namespaces": [MOUNT_NAMESPACE],
            "mounts": [
                { "source": self.root, "target": self.root, "flags": BIND },
                { "source": self.sandbox, "target": target, "flags": BIND },
            ],
        })
    }

    /// `launch` as the command executor starts the program.
    fn launch(&self, info: &Value) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["launch", "--unshare_namespace_mnt"])
            .env("MESOS_CONTAINERIZER_LAUNCH_INFO", info.to_string())
            .stdin(Stdio::null());
        command
    }

    fn in_sandbox(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.join(name)).unwrap_or_default()
    }

    fn is_mounted(&self) -> bool {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        mounts.contains(self.folder.path().to_str().unwrap())
    }
}

/// Starts a process, and waits until the process writes that it is ready.
fn start(command: &mut Command) -> Child {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn stderr(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_root_of_a_container_is_its_filesystem_and_the_host_has_none_of_its_mounts() {
    if !can_have_images() {
        return;
    }
    let files = Files::new();
    let mut info =
        files.info("! [ -e /root ] && [ -L /bin/link ] && ! [ -s /secret ] && echo in > file");
    fs::write(files.root.join("secret"), "secret").unwrap();
    info["masked_paths"] = json!([files.root.join("secret"), files.root.join("no/such")]);
    let link = files.root.join("bin/link");
    info["file_operations"] =
        json!([{ "operation": "SYMLINK", "symlink": { "source": "sh", "target": link } }]);
    assert!(files.launch(&info).status().unwrap().success());
    assert_eq!(files.in_sandbox("file"), "in\n");
    assert!(!files.is_mounted());
}

#[test]
fn a_command_enters_the_filesystem_of_another_process() {
    if !can_have_images() {
        return;
    }
    let files = Files::new();
    let mut first = start(&mut files.launch(&files.info("echo ready; exec sleep 60")));
    let info = json!({ "command": { "value": "! [ -e /root ] && echo in > /mnt/sandbox/second" } });
    let mut second = Command::new(PROGRAM);
    second
        .arg("launch")
        .arg(format!("--namespace_mnt_target={}", first.id()))
        .env("MESOS_CONTAINERIZER_LAUNCH_INFO", info.to_string());
    assert!(second.status().unwrap().success());
    assert_eq!(files.in_sandbox("second"), "in\n");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_root_filesystem_that_cannot_be_used_is_named() {
    if !can_have_images() {
        return;
    }
    let files = Files::new();
    let mut info = files.info("true");
    info["rootfs"] = json!("/no/such/root");
    let error = stderr(files.launch(&info));
    assert!(
        error.contains("the root filesystem /no/such/root cannot be used"),
        "{error}"
    );
    let link = files.folder.path().join("link");
    std::os::unix::fs::symlink(&files.root, &link).unwrap();
    info["rootfs"] = json!(link);
    let error = stderr(files.launch(&info));
    assert!(error.contains("without symbolic links"), "{error}");
    let mut info = files.info("true");
    info["mounts"][1]["type"] = json!("no-such-filesystem");
    info["mounts"][1]["flags"] = json!(0);
    let error = stderr(files.launch(&info));
    assert!(
        error.contains("cannot mount") && error.contains("/mnt/sandbox"),
        "{error}"
    );
}

#[test]
fn a_container_gets_the_files_of_the_hosts_network() {
    if !can_have_images() {
        return;
    }
    let files = Files::new();
    // The setup enters the namespace before the container's command runs there.
    let mut container = Command::new("unshare");
    container.args(["--mount", "sh", "-c", "echo ready; exec sleep 60"]);
    let mut container = start(&mut container);
    let hosts = files.folder.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    let setup = |resolv: &Path| {
        let mut command = Command::new(PROGRAM);
        command
            .args(["network-cni-setup", "--help=false", "--bind_readonly=true"])
            .arg(format!("--pid={}", container.id()))
            .arg(format!("--rootfs={}", files.root.display()))
            .arg(format!("--etc_hosts_path={}", hosts.display()))
            .arg(format!("--etc_resolv_conf={}", resolv.display()));
        command
    };
    assert!(setup(&hosts).status().unwrap().success());
    // The mounts are in the container's namespace only. They needed files to mount at.
    assert_eq!(
        fs::read_to_string(files.root.join("etc/hosts")).unwrap(),
        ""
    );
    let inside = format!("/proc/{}/root{}", container.id(), files.root.display());
    let read = fs::read_to_string(format!("{inside}/etc/hosts")).unwrap();
    assert_eq!(read, "127.0.0.1 localhost\n");
    assert!(fs::write(format!("{inside}/etc/hosts"), "changed").is_err());
    let error = stderr(setup(Path::new("/no/such/file")));
    assert!(error.contains("/no/such/file"), "{error}");
    let mut named = setup(&hosts);
    named.arg("--hostname=container");
    let error = stderr(named);
    assert!(
        error.contains("container networks are not supported"),
        "{error}"
    );
    container.kill().unwrap();
    container.wait().unwrap();
}
