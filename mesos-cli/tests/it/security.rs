//! Credentials and TLS.

use std::path::{Path, PathBuf};

use mesos_local::LocalCluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::program::{Cluster, Run, matches, mesos, run};

const CREDENTIALS: &str = r#"{"credentials": [
    {"principal": "ops", "secret": "s3cret"},
    {"principal": "reader", "secret": "r3ader"}
]}"#;

const ACLS: &str = r#"{"update_weights": [
    {"principals": {"values": ["reader"]}, "roles": {"type": "NONE"}}
]}"#;

#[test]
fn a_cluster_with_authentication_needs_credentials_and_permissions() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    std::fs::write(&file, CREDENTIALS).unwrap();
    let file = file.to_str().unwrap();
    let builder = LocalCluster::builder()
        .agents(0)
        .env("MESOS_AUTHENTICATE_HTTP_READWRITE", "true")
        .env("MESOS_AUTHENTICATE_HTTP_READONLY", "true")
        .env("MESOS_CREDENTIALS", file)
        .env("MESOS_HTTP_CREDENTIALS", file)
        .env("MESOS_ACLS", ACLS);
    let Some(cluster) = Cluster::start(builder) else {
        return;
    };
    let master = cluster.local.master_url();
    let call = |args: &[&str], variables: &[(&str, &str)]| -> Run {
        let mut command = mesos(Path::new("/nonexistent"));
        command.args(["--master", &master]).args(args);
        run(command.envs(variables.iter().copied()))
    };
    matches(
        "error_without_credentials",
        &call(&["weights", "get"], &[]).failed(5),
    );
    let reader = [("MESOS_PRINCIPAL", "reader"), ("MESOS_SECRET", "r3ader")];
    let wrong = [reader[0], ("MESOS_SECRET", "wrong")];
    matches(
        "error_wrong_secret",
        &call(&["weights", "get"], &wrong).failed(5),
    );
    call(&["weights", "get"], &reader).ok();
    let set = ["weights", "set", "team=2"];
    matches("error_forbidden", &call(&set, &reader).failed(5));

    let secret = directory.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let home = directory.path();
    let mut command = mesos(home);
    command.args([
        "config",
        "set",
        "local",
        "--master",
        &master,
        "--principal",
        "ops",
    ]);
    run(command.arg("--secret-file").arg(secret)).ok();
    run(mesos(home).args(set)).ok();
}

/// The files of a CA with a certificate for 127.0.0.1.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &authority).unwrap();
        let files = Self { directory };
        std::fs::write(files.path("ca.pem"), authority.pem()).unwrap();
        std::fs::write(files.path("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(files.path("certificate.pem"), certificate.pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn a_cluster_with_tls_needs_its_ca() {
    let files = Files::new();
    let (certificate, key, ca) = (
        files.path("certificate.pem"),
        files.path("key.pem"),
        files.path("ca.pem"),
    );
    let Some(cluster) = Cluster::start(LocalCluster::builder().tls(certificate, key, &ca)) else {
        return;
    };
    let master = cluster.local.master_url();
    assert!(master.starts_with("https://"), "{master}");
    let call = |variables: &[(&str, &str)]| {
        let mut command = mesos(Path::new("/nonexistent"));
        command.args(["--master", &master, "agent", "list", "-o", "name"]);
        run(command.envs(variables.iter().copied()))
    };
    let text = call(&[]).failed(4);
    assert!(text.contains("hint: set MESOS_CA_FILE"), "{text}");
    let id = call(&[("MESOS_CA_FILE", ca.to_str().unwrap())]).ok();
    assert!(id.trim().ends_with("-S0"), "{id}");
    assert_eq!(call(&[("MESOS_INSECURE", "true")]).ok(), id);
}
