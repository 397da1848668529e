//! Two instances of `failover_scheduler` with one directory.

use std::fs::{self, OpenOptions};
use std::io::Write;

use tokio::net::TcpListener;

use crate::program::{example, outcome, within};

#[tokio::test]
async fn a_second_instance_ends_and_does_not_change_the_journal_of_the_first() {
    // Instances that connect have opened their journal. The master never answers.
    let master = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", master.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    let directory = directory.path().to_str().unwrap();
    let arguments = [address.as_str(), directory, "2", "true"];

    let mut first = example("failover_scheduler", &arguments).spawn().unwrap();
    let connection = within("the first instance", master.accept()).await.unwrap();
    // The first instance is writing a line.
    let mut file = OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(b"0.1 launching a\n1.1 laun").unwrap();

    let second = outcome("failover_scheduler", &arguments).await;
    assert_eq!(second.code, Some(1), "{second:#?}");
    let expected = format!("{} is used by another process", journal.display());
    assert!(second.stderr.contains(&expected), "{second:#?}");
    let content = fs::read_to_string(&journal).unwrap();
    assert_eq!(content, "0.1 launching a\n1.1 laun");

    // A crash of the first instance releases the journal, with half of a line.
    first.start_kill().unwrap();
    within("the end of the first instance", first.wait())
        .await
        .unwrap();
    drop(connection);
    let _third = example("failover_scheduler", &arguments).spawn().unwrap();
    within("the third instance", master.accept()).await.unwrap();
    let content = fs::read_to_string(&journal).unwrap();
    assert_eq!(content, "0.1 launching a\n");
}
