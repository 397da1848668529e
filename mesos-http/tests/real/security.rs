//! Credentials, tokens and TLS with a real Mesos, which uses a real OpenSSL.

use async_trait::async_trait;
use mesos_core::backend::{Backend, ExecutorApi, Incoming, SchedulerApi, Subscription};
use mesos_core::{
    ErrorKind, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
    error_chain,
};
use mesos_http::{Credentials, HttpBackend, OperatorClient, TlsConfig};
use mesos_local::testing::require_real;
use mesos_local::{Builder, LocalCluster};
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto::v1::{CommandInfo, FrameworkId, TaskInfo, TaskState, executor, master};
use tokio::time::timeout;

use super::certificates::Authority;
use super::{
    PATIENCE, a_call, accept, agent, backend, kill, next, refused, send, subscribe, subscribe_call,
};

async fn started(builder: Builder) -> Option<LocalCluster> {
    require_real(builder.start().await)
}

/// A cluster with TLS and a certificate of `authority`.
fn with_tls(authority: &Authority) -> Builder {
    let certificate = authority.sign("127.0.0.1");
    LocalCluster::builder().tls(certificate, authority.key(), authority.file())
}

/// Mesos' default cipher suites (3rdparty/libprocess/src/openssl.cpp).
const MESOS_CIPHERS: &str = "AES128-SHA:AES256-SHA:RC4-SHA:DHE-RSA-AES128-SHA:\
                             DHE-DSS-AES128-SHA:DHE-RSA-AES256-SHA:DHE-DSS-AES256-SHA";

/// Subscribes, and makes a call on the second connection.
async fn works(backend: &HttpBackend) -> (Subscription<SchedulerApi>, FrameworkId) {
    let (subscription, id) = subscribe(backend, None).await;
    send(&subscription, kill(&id, "nobody")).await.unwrap();
    (subscription, id)
}

/// Runs a command task to its end, acknowledging its updates.
async fn runs_a_task(subscription: &mut Subscription<SchedulerApi>, id: &FrameworkId) {
    let offers = next(subscription, event::Type::Offers)
        .await
        .offers
        .unwrap();
    let offer = &offers.offers[0];
    let task = TaskInfo::builder("t")
        .id("t")
        .agent(offer.agent_id.clone())
        .cpus(0.1)
        .mem(32.0)
        .command(CommandInfo::sh(
            "test -z \"$MESOS_EXECUTOR_AUTHENTICATION_TOKEN\"",
        ))
        .build();
    send(subscription, accept(id, offer.id.clone(), task))
        .await
        .unwrap();
    let finishing = async {
        loop {
            let event = match subscription.events.next().await.unwrap() {
                Incoming::Event(event, _) => *event,
                other => panic!("{other:?}"),
            };
            let Some(update) = event.update else { continue };
            let status = update.status;
            if status.task_id.value != "t" {
                continue;
            }
            if let (Some(agent_id), Some(uuid)) = (status.agent_id.clone(), status.uuid.clone()) {
                let call = Call {
                    acknowledge: Some(call::Acknowledge {
                        agent_id,
                        task_id: status.task_id.clone(),
                        uuid,
                    }),
                    ..a_call(call::Type::Acknowledge, id)
                };
                send(subscription, call).await.unwrap();
            }
            match status.task_state() {
                Ok(TaskState::TaskStarting | TaskState::TaskRunning) => {}
                Ok(TaskState::TaskFinished) => return,
                _ => panic!("{status:?}"),
            }
        }
    };
    timeout(PATIENCE, finishing).await.expect("no end");
}

/// A scheduler that ignores all events.
struct Idle;

#[async_trait]
impl Scheduler for Idle {
    async fn offers(&mut self, _: &SchedulerDriver, _: Vec<Offer>) -> HandlerResult {
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, _: &StatusUpdate) -> HandlerResult {
        Ok(())
    }
}

#[tokio::test]
async fn a_framework_needs_valid_credentials_and_the_error_says_what_is_wrong() {
    let builder = LocalCluster::builder().credential("frameworks", "s3cret");
    let Some(cluster) = started(builder).await else {
        return;
    };
    let with = |secret| {
        let credentials = Credentials::basic("frameworks", secret).unwrap();
        backend(&cluster).credentials(credentials)
    };
    let error = refused(&backend(&cluster), subscribe_call(None)).await;
    assert_eq!(
        (error.kind(), error.status(), error.is_retryable()),
        (ErrorKind::Unauthorized, Some(401), false)
    );
    let message = error.to_string();
    assert!(
        message.contains("requires credentials for Basic realm=\"mesos-master-scheduler\""),
        "{message}"
    );

    let error = refused(&with("wrong"), subscribe_call(None)).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let message = error.to_string();
    assert!(
        message.contains("the principal \"frameworks\" with this secret"),
        "{message}"
    );
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");

    // A driver does not retry that.
    let framework = Framework::ephemeral("mesos-http's tests");
    let driver = SchedulerDriver::start(Idle, framework, with("wrong"));
    let end = timeout(PATIENCE, driver.join()).await.expect("no end");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Unauthorized);

    works(&with("s3cret")).await;

    // The file that the master itself reads.
    let file = cluster.work_dir().join("credentials.json");
    let credentials = Credentials::from_file(file, Some("frameworks")).unwrap();
    works(&backend(&cluster).credentials(credentials)).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn frameworks_and_their_executors_run_over_tls() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let Some(cluster) = started(with_tls(&authority)).await else {
        return;
    };
    assert!(cluster.master_url().starts_with("https://"));
    let tls = TlsConfig::new().ca_file(authority.file());
    let (mut subscription, id) = works(&backend(&cluster).tls(tls.clone())).await;
    runs_a_task(&mut subscription, &id).await;

    let operator = OperatorClient::for_endpoint(agent(&cluster)).tls(tls.clone());
    mesos_http::files::list(&operator, "/no/such")
        .await
        .expect_err("it is there and answers");

    // A CA that is not trusted, and the error.
    for (tls, part) in [
        (
            TlsConfig::new(),
            "not signed by a CA that this system trusts",
        ),
        (
            TlsConfig::new().ca_file(other.file()),
            "not signed by a CA in",
        ),
        (tls.server_name("elsewhere"), "is not for \"elsewhere\""),
    ] {
        let error = refused(&backend(&cluster).tls(tls), subscribe_call(None)).await;
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.to_string().contains(part), "{}", error_chain(&error));
    }

    // The same port without TLS.
    let plain = cluster.master_url().replace("https://", "http://");
    let error = refused(
        &HttpBackend::new(plain.parse().unwrap()),
        subscribe_call(None),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(
        error.to_string().contains("https://"),
        "{}",
        error_chain(&error)
    );
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_sent_to_a_master_that_requires_one() {
    let authority = Authority::new("ours");
    let builder = with_tls(&authority)
        .agents(0)
        .env("LIBPROCESS_SSL_REQUIRE_CLIENT_CERT", "1")
        .env("LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME", "openssl")
        .env("LIBPROCESS_SSL_CA_FILE", authority.file().to_str().unwrap());
    let Some(cluster) = started(builder).await else {
        return;
    };
    let tls = TlsConfig::new().ca_file(authority.file());
    let error = refused(&backend(&cluster).tls(tls.clone()), subscribe_call(None)).await;
    assert!(
        error.to_string().contains("requires a client certificate"),
        "{}",
        error_chain(&error)
    );
    let tls = tls.client_certificate(authority.sign("client"), authority.key());
    works(&backend(&cluster).tls(tls)).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_master_with_default_cipher_suites_is_an_error_with_the_setting_to_change() {
    let authority = Authority::new("ours");
    let builder = with_tls(&authority)
        .agents(0)
        .env("LIBPROCESS_SSL_CIPHERS", MESOS_CIPHERS);
    let Some(cluster) = started(builder).await else {
        return;
    };
    let tls = TlsConfig::new().ca_file(authority.file());
    let error = refused(&backend(&cluster).tls(tls.clone()), subscribe_call(None)).await;
    assert_eq!(error.kind(), ErrorKind::Tls);
    for part in [
        "LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256",
        "`tls-openssl`",
    ] {
        assert!(error.to_string().contains(part), "{}", error_chain(&error));
    }
    #[cfg(feature = "tls-openssl")]
    {
        works(&backend(&cluster).tls(tls.clone().openssl())).await;
        let other = Authority::new("another");
        for (tls, part) in [
            (
                TlsConfig::new(),
                "not signed by a CA that this system trusts",
            ),
            (
                TlsConfig::new().ca_file(other.file()),
                "not signed by a CA in",
            ),
            (tls.server_name("elsewhere"), "is not for \"elsewhere\""),
        ] {
            let backend = backend(&cluster).tls(tls.openssl());
            let error = refused(&backend, subscribe_call(None)).await;
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(error.to_string().contains(part), "{}", error_chain(&error));
        }
        let tls = TlsConfig::new().danger_accept_any_certificate();
        works(&backend(&cluster).tls(tls.openssl())).await;
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_executor_sends_its_token_to_an_agent_that_requires_one() {
    let builder = LocalCluster::builder().executor_authentication();
    let Some(cluster) = started(builder).await else {
        return;
    };
    let call = executor::Call {
        r#type: Some(executor::call::Type::Subscribe.into()),
        framework_id: FrameworkId {
            value: "f".to_owned(),
        },
        executor_id: "e".into(),
        subscribe: Some(executor::call::Subscribe::default()),
        ..Default::default()
    };
    let error = Backend::<ExecutorApi>::subscribe(&HttpBackend::new(agent(&cluster).into()), call)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.to_string().contains("realm=\"mesos-agent-executor\""),
        "{error}"
    );
    let (mut subscription, id) = works(&backend(&cluster)).await;
    runs_a_task(&mut subscription, &id).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_operator_api_requires_credentials_if_configured() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("credentials");
    let text = r#"{"credentials": [{"principal": "ops", "secret": "s3cret"}]}"#;
    std::fs::write(&file, text).unwrap();
    let builder = LocalCluster::builder()
        .agents(0)
        .env("MESOS_AUTHENTICATE_HTTP_READWRITE", "true")
        .env("MESOS_AUTHENTICATE_HTTP_READONLY", "true")
        .env("MESOS_CREDENTIALS", file.to_str().unwrap())
        .env("MESOS_HTTP_CREDENTIALS", file.to_str().unwrap());
    let Some(cluster) = started(builder).await else {
        return;
    };
    let call = master::Call {
        r#type: Some(master::call::Type::GetHealth.into()),
        ..Default::default()
    };
    let client = || OperatorClient::new(cluster.master_url().parse().unwrap());
    let error = client().call_master(&call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let credentials = Credentials::from_file(&file, None).unwrap();
    let client = client().credentials(credentials);
    let answer = client.call_master(&call).await.unwrap();
    assert!(answer.get_health.unwrap().healthy);
    cluster.stop().await.unwrap();
}
