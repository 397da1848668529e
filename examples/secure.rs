//! Runs a command on a Mesos that requires TLS and credentials:
//! `cargo run --example secure https://mesos.example.com:5050 CA_FILE PRINCIPAL CREDENTIALS_FILE`
//!
//! CA_FILE has the certificate of the authority that signed the certificates of the masters.
//! CREDENTIALS_FILE is a file as for the option `--credentials` of a master.

use mesos::Framework;
use mesos::framework::{Runner, TaskSpec};
use mesos::http::{Credentials, HttpBackend, TlsConfig};

#[tokio::main]
async fn main() -> Result<(), mesos::BoxError> {
    tracing_subscriber::fmt::init(); // Shows why a connection fails.
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [master, ca, principal, credentials] = &args[..] else {
        return Err("usage: secure MASTER CA_FILE PRINCIPAL CREDENTIALS_FILE".into());
    };
    let backend = HttpBackend::new(master.parse()?)
        .tls(TlsConfig::new().ca_file(ca))
        .credentials(Credentials::from_file(credentials, Some(principal))?);
    let runner = Runner::builder(Framework::ephemeral("secure"))
        .start(backend)
        .await?;
    let outcome = runner.run(TaskSpec::shell("hello", "echo hello")).await?;
    println!("hello: {:?}", outcome.state);
    runner.stop().await?;
    Ok(())
}
