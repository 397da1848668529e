//! A real Mesos behind a proxy that listens on `[::1]`: the sockets of Mesos itself are IPv4
//! (3rdparty/libprocess/src/process.cpp).

use mesos_core::{Framework, SchedulerDriver};
use mesos_http::{HttpBackend, OperatorClient, TlsConfig};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::master;
use mesos_testing::{FaultProxy, Recorder};

use crate::certificates::Authority;
use crate::loopback::loopback;

/// Subscribes at `[::1]`, receives offers, makes a call, and calls the operator API.
async fn works(cluster: &LocalCluster, proxy: &FaultProxy, tls: Option<TlsConfig>) {
    let ipv4 = format!("127.0.0.1:{}", cluster.port());
    let address = proxy.address().to_string();
    assert!(address.starts_with("[::1]:"), "{address}");
    let url = cluster.master_url().replace(&ipv4, &address);
    let mut backend = HttpBackend::new(url.parse().unwrap());
    let mut operator = OperatorClient::new(url.parse().unwrap());
    if let Some(tls) = tls {
        backend = backend.tls(tls.clone());
        operator = operator.tls(tls);
    }
    let recorder = Recorder::with_timeout(super::PATIENCE);
    let framework = Framework::ephemeral("mesos-http's tests").user("root");
    let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
    recorder.subscribed().await;
    assert!(!recorder.offers().await.is_empty());
    driver.kill("no such task").await.unwrap();
    let call = master::Call {
        r#type: Some(master::call::Type::GetVersion.into()),
        ..Default::default()
    };
    let answer = operator.call_master(&call).await.unwrap();
    let version = answer.get_version.unwrap().version_info.version;
    assert_eq!(version, "1.11.0");
    driver.stop();
    driver.join().await.unwrap();
}

#[tokio::test]
async fn a_driver_and_the_operator_client_reach_a_real_mesos_through_an_ipv6_address() {
    let Some(listener) = loopback() else { return };
    let Some(cluster) = require_real(LocalCluster::builder().start().await) else {
        return;
    };
    let target = ([127, 0, 0, 1], cluster.port()).into();
    let proxy = FaultProxy::over(listener, target).unwrap();
    works(&cluster, &proxy, None).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_driver_and_the_operator_client_reach_a_real_mesos_with_tls_through_an_ipv6_address() {
    let Some(listener) = loopback() else { return };
    let authority = Authority::new("ours");
    let certificate = authority.sign_for(&["127.0.0.1", "::1"]);
    let builder = LocalCluster::builder().tls(certificate, authority.key(), authority.file());
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let target = ([127, 0, 0, 1], cluster.port()).into();
    let proxy = FaultProxy::over(listener, target).unwrap();
    let tls = TlsConfig::new().ca_file(authority.file());
    works(&cluster, &proxy, Some(tls)).await;
    cluster.stop().await.unwrap();
}
