//! The uuids of the fake master. The C++ library drops acknowledgements with other uuids, and ends
//! the process if a stream id is not a uuid (src/scheduler/scheduler.cpp).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos_testing::{Agent, Behavior, FakeMaster};
use serde_json::{Value, json};
use uuid::{Uuid, Variant};

use crate::client::{Session, info, task};

fn is_random(uuid: Uuid) -> bool {
    uuid.get_version_num() == 4 && uuid.get_variant() == Variant::RFC4122
}

fn decoded(field: &Value) -> Uuid {
    let bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    Uuid::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn every_uuid_that_a_fake_master_sends_is_of_version_4() {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1"))
        .tasks(|_| Behavior::finishes());
    let master = master.start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    assert!(is_random(session.stream_id.parse().unwrap()));
    assert!(is_random(master.info().id.parse().unwrap()));

    let offer = session.offers().await.remove(0);
    session.launch(&offer, json!([task("t", "a1", 0.1)])).await;
    let mut seen = Vec::new();
    for expected in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        let (status, state) = session.update().await;
        assert_eq!(state, expected);
        let uuid = decoded(&status["uuid"]);
        assert!(is_random(uuid), "{uuid}");
        assert!(!seen.contains(&uuid), "{uuid} again");
        seen.push(uuid);
        session.acknowledge(&status).await;
    }
}

#[tokio::test]
async fn every_uuid_of_an_operation_is_of_version_4() {
    let master = FakeMaster::builder().agent(Agent::new("a1"));
    let master = master.start().await.unwrap();
    let mut info = info();
    info["roles"] = json!(["web"]);
    let mut session = Session::open(&master, info).await;
    let offer = session.offers().await.remove(0);
    let reserve = json!({"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [{
        "name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
        "reservations": [{"type": "DYNAMIC", "role": "web"}],
    }]}});
    let accept = json!({"type": "ACCEPT", "accept": {
        "offer_ids": [offer["id"]], "operations": [reserve],
    }});
    assert_eq!(session.call(accept).await.status, 202);
    let event = session.stream.update().await;
    let status = &event["update_operation_status"]["status"];
    assert_eq!(status["state"], "OPERATION_FINISHED", "{event}");
    let uuid = decoded(&status["uuid"]["value"]);
    assert!(is_random(uuid), "{uuid}");
}
