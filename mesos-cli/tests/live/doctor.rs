//! `mesos doctor`.

use std::path::{Path, PathBuf};

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use serde_json::Value;

use crate::program::{Outcome, User, cluster, outcome};

/// The state and the detail of each check.
fn checks(end: &Outcome) -> Vec<(String, String, String)> {
    let checks: Vec<Value> = serde_json::from_str(&end.stdout).unwrap();
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = checks.iter().map(|check| {
        let [name, state, detail] = ["name", "state", "detail"].map(|key| text(check, key));
        (name, state, detail)
    });
    checks.collect()
}

#[track_caller]
pub(crate) fn detail(end: &Outcome, name: &str, state: &str) -> String {
    let checks = checks(end);
    let check = checks.iter().find(|check| check.0 == name);
    let (_, found, detail) = check.unwrap_or_else(|| panic!("{name} is not in {checks:?}"));
    assert_eq!(found, state, "{name}: {detail}");
    detail.clone()
}

#[tokio::test]
async fn all_checks_of_a_healthy_cluster_succeed() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let args = ["doctor", "--master", &url, "-o", "json"];
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    for name in ["configuration", "port", "clock", "credentials"] {
        detail(&end, name, "ok");
    }
    let leader = detail(&end, "leader", "ok");
    assert!(
        leader.ends_with(&format!(":{}", cluster.port())),
        "{leader}"
    );
    assert!(detail(&end, "version", "ok").contains(mesos_local::DEFAULT_VERSION));
    assert_eq!(detail(&end, "agents", "ok"), "1 of 1 can be reached");
    let table = user.outcome(&["doctor", "--master", &url]).await;
    assert!(table.stdout.starts_with("CHECK "), "{table:?}");
}

/// The certificate, the key and the CA of a cluster, which are valid for a week.
fn certificate(user: &User) -> [PathBuf; 3] {
    let files = ["cert.pem", "key.pem", "ca.pem"].map(|name| user.home().join(name));
    let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    // Within the time from which on the check warns.
    let days = std::time::Duration::from_secs(7 * 24 * 60 * 60);
    parameters.not_after = (std::time::SystemTime::now() + days).into();
    let pair = rcgen::KeyPair::generate().unwrap();
    let signed = parameters.self_signed(&pair).unwrap();
    let texts = [signed.pem(), pair.serialize_pem(), signed.pem()];
    for (file, text) in files.iter().zip(texts) {
        std::fs::write(file, text).unwrap();
    }
    files
}

#[tokio::test]
async fn a_cluster_that_requires_client_certificates_says_so() {
    let user = User::new();
    let [certificate, key, authority] = certificate(&user);
    let cluster = LocalCluster::builder()
        .agents(0)
        .tls(&certificate, &key, &authority)
        .env("LIBPROCESS_SSL_REQUIRE_CLIENT_CERT", "1")
        .env("LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME", "openssl")
        .env("LIBPROCESS_SSL_CA_FILE", authority.to_str().unwrap());
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let doctor = async |variables: &[(&str, &Path)]| {
        let mut command = user.command(&["doctor", "--master", &url, "-o", "json"]);
        command.env("MESOS_INSECURE", "true");
        command.envs(variables.iter().copied());
        outcome(command).await
    };
    let end = doctor(&[]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    let leader = detail(&end, "leader", "failed");
    assert!(leader.contains("requires a client certificate"), "{leader}");
    assert!(end.stderr.contains("set MESOS_CERTIFICATE_FILE"), "{end:?}");

    let variables = [
        ("MESOS_CERTIFICATE_FILE", &*certificate),
        ("MESOS_KEY_FILE", &*key),
    ];
    let end = doctor(&variables).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    detail(&end, "tls", "ok");
    assert!(!end.stdout.contains("client certificate"), "{end:?}");
}

#[tokio::test]
async fn a_cluster_with_tls_shows_its_cipher_and_when_its_certificate_ends() {
    let user = User::new();
    let [certificate, key, authority] = certificate(&user);
    let cluster = LocalCluster::builder().tls(&certificate, &key, &authority);
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let args = ["doctor", "--master", &url, "-o", "json"];
    let mut command = user.command(&args);
    command.env("MESOS_INSECURE", "true");
    let end = outcome(command).await;
    assert!(detail(&end, "tls", "ok").starts_with("TLSv1_"), "{end:?}");
    let end_of_certificate = detail(&end, "certificate", "warning");
    assert!(end_of_certificate.starts_with("valid until"), "{end:?}");
    detail(&end, "clock", "ok");
    // The certificate is not trusted without a setting.
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    detail(&end, "leader", "failed");
    assert!(end.stderr.contains("MESOS_CA_FILE"), "{end:?}");
}

#[tokio::test]
async fn a_failed_check_names_the_address_and_what_to_change() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let user = User::new();
    let zookeeper = format!("zk://user:s3cret@{address}/mesos");
    for (master, check) in [(&address, "leader"), (&zookeeper, "zookeeper")] {
        let args = ["doctor", "--master", master, "--timeout", "2", "-o", "json"];
        let end = user.outcome(&args).await;
        assert_eq!(end.code, Some(1), "{end:?}");
        assert!(detail(&end, check, "failed").contains(&address), "{end:?}");
        assert!(end.stderr.contains(&format!("{check}: check ")), "{end:?}");
        assert!(!format!("{end:?}").contains("s3cret"), "{end:?}");
    }
    let end = user.outcome(&["doctor", "-o", "json"]).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    detail(&end, "configuration", "failed");
}

#[tokio::test]
async fn missing_credentials_and_missing_permissions_are_different_results() {
    let user = User::new();
    let file = user.home().join("credentials");
    let credentials = r#"{"credentials": [
        {"principal": "ops", "secret": "s3cret"}, {"principal": "reader", "secret": "r3ader"}
    ]}"#;
    std::fs::write(&file, credentials).unwrap();
    let acls = r#"{"view_flags": [
        {"principals": {"values": ["reader"]}, "flags": {"type": "NONE"}}
    ]}"#;
    let file = file.to_str().unwrap();
    let cluster = LocalCluster::builder()
        .agents(0)
        .env("MESOS_AUTHENTICATE_HTTP_READONLY", "true")
        .env("MESOS_AUTHENTICATE_HTTP_READWRITE", "true")
        .env("MESOS_CREDENTIALS", file)
        .env("MESOS_HTTP_CREDENTIALS", file)
        .env("MESOS_ACLS", acls);
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let url = cluster.master_url();
    let args = ["doctor", "--master", &url, "-o", "json"];
    // 401
    let end = user.outcome(&args).await;
    assert_eq!(end.code, Some(1), "{end:?}");
    detail(&end, "leader", "failed");
    assert!(end.stderr.contains("MESOS_PRINCIPAL"), "{end:?}");
    // 403, and a principal that may do everything.
    for (principal, secret, state) in [("reader", "r3ader", "warning"), ("ops", "s3cret", "ok")] {
        let mut command = user.command(&args);
        command.env("MESOS_PRINCIPAL", principal);
        command.env("MESOS_SECRET", secret);
        let end = outcome(command).await;
        assert_eq!(end.code, Some(0), "{end:?}");
        let detail = detail(&end, "credentials", state);
        assert!(detail.contains(principal), "{detail}");
    }
}

#[tokio::test]
async fn an_agent_whose_name_cannot_be_resolved_is_named() {
    // No name server resolves this domain (RFC 6761).
    let cluster = LocalCluster::builder().env("MESOS_HOSTNAME", "agent.invalid");
    let Some(cluster) = require_real(cluster.start().await) else {
        return;
    };
    let user = User::new();
    let url = cluster.master_url();
    let end = user
        .outcome(&["doctor", "--master", &url, "-o", "json"])
        .await;
    assert_eq!(end.code, Some(1), "{end:?}");
    let detail = detail(&end, "agents", "failed");
    assert!(detail.starts_with("agent.invalid:"), "{detail}");
    assert!(end.stderr.contains("--hostname"), "{end:?}");
}
