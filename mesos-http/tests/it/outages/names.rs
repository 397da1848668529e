//! Name servers that do not answer, or answer wrongly.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Address,
    Failure,
    NoAddress,
    Panic,
}

#[tokio::test]
async fn a_name_that_is_not_resolved_for_a_while_does_not_end_a_driver_that_was_subscribed() {
    for fake in Fake::both().await {
        let proxy = fake.proxy().await;
        let address = proxy.address();
        let answer = Arc::new(Mutex::new(Answer::Address));
        let endpoint = fake.at(&format!("mesos.test:{}", address.port()));
        let backend = HttpBackend::new(endpoint.into()).resolver({
            let answer = Arc::clone(&answer);
            move |host, _| {
                assert_eq!(host, "mesos.test");
                let answer = *answer.lock().unwrap();
                match answer {
                    Answer::Address => Ok(vec![address]),
                    Answer::Failure => Err(io::Error::other("temporary failure")),
                    Answer::NoAddress => Ok(Vec::new()),
                    Answer::Panic => panic!("the resolver is broken"),
                }
            }
        });
        let mut driven = fake.drive(backend).await;
        for (outage, text) in [
            (Answer::Failure, "temporary failure"),
            (Answer::NoAddress, "cannot connect to"),
            (Answer::Panic, "cannot resolve the host name"),
        ] {
            *answer.lock().unwrap() = outage;
            proxy.cut();
            // The end of the subscription.
            driven.disconnected().await;
            driven.fails(text).await;
            *answer.lock().unwrap() = Answer::Address;
            driven.subscribed().await;
        }
    }
}
