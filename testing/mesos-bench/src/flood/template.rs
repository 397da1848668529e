//! Events that are encoded and framed once, with the offsets at which copies differ. All variable
//! parts have a fixed width in both encodings, so a copy is a `memcpy` and a few digits.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use mesos_proto::v1::scheduler::Event;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{
    Attribute, ContainerId, ContainerStatus, DomainInfo, MasterInfo, NetworkInfo, Offer, Resource,
    TaskState, TaskStatus, domain_info, network_info, value,
};

use mesos_testing::events;
use mesos_testing::wire::Encoding;

/// The framework id of every subscription.
pub(super) const FRAMEWORK: &str = "2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4-0000";
/// The prefix of every id that a master assigns.
const MASTER: &str = "2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4";
/// A placeholder for an update's uuid: 16 bytes that occur nowhere else.
const UUID: &[u8; 16] = b"\x91uuid-goes-here\x92";
const TASK_DIGITS: usize = 8;
const AGENT_DIGITS: usize = 6;
const OFFER_DIGITS: usize = 10;

/// The id of a task.
pub(super) fn task_id(task: u32) -> String {
    format!("task-{task:08}")
}

/// The id of an agent.
pub(super) fn agent_id(agent: u32) -> String {
    format!("{MASTER}-S{agent:06}")
}

/// The number in an id of [`task_id`].
pub(super) fn task_number(id: &[u8]) -> Option<u32> {
    number(id.strip_prefix(b"task-")?, TASK_DIGITS)
}

/// The number in an id of [`agent_id`].
pub(super) fn agent_number(id: &[u8]) -> Option<u32> {
    let digits = id.strip_prefix(MASTER.as_bytes())?.strip_prefix(b"-S")?;
    number(digits, AGENT_DIGITS)
}

fn number(digits: &[u8], width: usize) -> Option<u32> {
    if digits.len() != width || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0')),
    )
}

/// Bytes 4 to 7 of every uuid of an update. The third byte has the version, 4, in its upper half.
const UUID_MARK: &[u8; 4] = b"FLMD";
/// The variant of RFC 4122, in the upper bits of byte 8.
const VARIANT: u64 = 0b10 << 62;

/// The uuid of an update: a valid uuid of version 4 that contains the task and the number, of which
/// the lower 62 bits count.
///
/// Mesos refuses an acknowledgement with a uuid of unknown version (`fromBytes` in
/// 3rdparty/stout/include/stout/uuid.hpp, called by `scheduler::call::validate` in
/// src/master/validation.cpp). The C++ library checks its own calls in the same way, and drops the
/// acknowledgement (src/scheduler/scheduler.cpp).
pub(super) fn uuid(task: u32, number: u64) -> [u8; 16] {
    let mut uuid = [0; 16];
    uuid[..4].copy_from_slice(&task.to_be_bytes());
    uuid[4..8].copy_from_slice(UUID_MARK);
    uuid[8..].copy_from_slice(&(VARIANT | number & !(0b11 << 62)).to_be_bytes());
    uuid
}

/// The task and the number in a [`uuid`].
pub(super) fn uuid_parts(uuid: &[u8]) -> Option<(u32, u64)> {
    let (task, rest) = uuid.split_at_checked(4)?;
    let number = u64::from_be_bytes(rest.strip_prefix(UUID_MARK)?.try_into().ok()?);
    let task = u32::from_be_bytes(task.try_into().ok()?);
    (number >> 62 == VARIANT >> 62).then_some((task, number & !(0b11 << 62)))
}

/// Writes `number` over the digits at the start of `place`.
fn write_digits(place: &mut [u8], width: usize, mut number: u64) {
    for digit in place[..width].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// An event as a chunk of the response body.
fn chunk(encoding: Encoding, event: &Event) -> Vec<u8> {
    let record = encoding.encode(event);
    let length = record.len().to_string();
    let size = length.len() + 1 + record.len();
    let mut chunk = format!("{size:x}\r\n{length}\n").into_bytes();
    chunk.extend_from_slice(&record);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn places(bytes: &[u8], pattern: &[u8], skip: usize) -> Vec<usize> {
    let found = Finder::new(pattern);
    found.find_iter(bytes).map(|at| at + skip).collect()
}

/// UPDATE events.
#[derive(Debug)]
pub(super) struct Updates {
    bytes: Vec<u8>,
    tasks: Vec<usize>,
    agents: Vec<usize>,
    uuid: Option<usize>,
    encoding: Encoding,
}

impl Updates {
    /// Updates of an executor, or answers to RECONCILE, which have no uuid.
    pub(super) fn new(encoding: Encoding, with_uuid: bool) -> Self {
        let (task, agent) = (task_id(0), agent_id(0));
        let mut status = TaskStatus::new(task.as_str(), TaskState::TaskRunning);
        status.agent_id = Some(agent.as_str().into());
        status.executor_id = Some(task.as_str().into());
        status.timestamp = Some(1_700_000_000.123_456);
        status.container_status = Some(ContainerStatus {
            container_id: Some(ContainerId {
                value: "6d0b1a52-9c43-4d8e-b0b7-52f3a1c7de90".to_owned(),
                ..Default::default()
            }),
            network_infos: vec![NetworkInfo {
                ip_addresses: vec![network_info::IpAddress {
                    ip_address: Some("10.240.117.33".to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            executor_pid: Some(41_227),
            ..Default::default()
        });
        if with_uuid {
            status.source = Some(Source::Executor as i32);
            status.healthy = Some(true);
            status.uuid = Some(UUID.to_vec().into());
        } else {
            status.source = Some(Source::Master as i32);
            status.reason = Some(Reason::Reconciliation as i32);
            status.message = Some("Reconciliation: Latest task state".to_owned());
        }
        let bytes = chunk(encoding, &events::update(status));
        let uuid = match encoding {
            Encoding::Protobuf => places(&bytes, UUID, 0),
            Encoding::Json => places(&bytes, STANDARD.encode(UUID).as_bytes(), 0),
        };
        Self {
            tasks: places(&bytes, task.as_bytes(), task.len() - TASK_DIGITS),
            agents: places(&bytes, agent.as_bytes(), agent.len() - AGENT_DIGITS),
            uuid: uuid.first().copied(),
            encoding,
            bytes,
        }
    }

    /// Appends one event.
    pub(super) fn put(&self, out: &mut Vec<u8>, task: u32, agent: u32, number: u64) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let copy = &mut out[start..];
        for place in &self.tasks {
            write_digits(&mut copy[*place..], TASK_DIGITS, task.into());
        }
        for place in &self.agents {
            write_digits(&mut copy[*place..], AGENT_DIGITS, agent.into());
        }
        let Some(place) = self.uuid else { return };
        let uuid = uuid(task, number);
        match self.encoding {
            Encoding::Protobuf => copy[place..place + 16].copy_from_slice(&uuid),
            Encoding::Json => {
                // The slice has exactly 24 bytes.
                let _ = STANDARD.encode_slice(uuid, &mut copy[place..place + 24]);
            }
        }
    }
}

/// One OFFERS event, which is sent again with new offer ids.
#[derive(Debug)]
pub(super) struct Offers {
    bytes: Vec<u8>,
    ids: Vec<usize>,
}

impl Offers {
    pub(super) fn new(encoding: Encoding, count: u32) -> Self {
        let bytes = chunk(encoding, &events::offers((0..count).map(offer)));
        let prefix = format!("{MASTER}-O");
        Self {
            ids: places(&bytes, prefix.as_bytes(), prefix.len()),
            bytes,
        }
    }

    /// The event whose first offer has this number.
    pub(super) fn numbered(&mut self, first: u64) -> &[u8] {
        for (number, place) in (first..).zip(&self.ids) {
            write_digits(&mut self.bytes[*place..], OFFER_DIGITS, number);
        }
        &self.bytes
    }
}

fn text(name: &str, value: String) -> Attribute {
    Attribute {
        name: name.to_owned(),
        r#type: value::Type::Text as i32,
        text: Some(value::Text { value }),
        ..Default::default()
    }
}

/// The offer of a machine in a larger cluster, with some resources in use.
fn offer(number: u32) -> Offer {
    let id = format!("{MASTER}-O{:0width$}", 0, width = OFFER_DIGITS);
    let port = 31_000 + u64::from(number % 100) * 10;
    let resources = [
        Resource::scalar("cpus", 4.0 + f64::from(number % 28) * 0.25),
        Resource::scalar("mem", 1024.0 + f64::from(number % 64) * 512.0),
        Resource::scalar("disk", 40_960.0 + f64::from(number % 7) * 1024.0),
        Resource::ranges("ports", [port..=port + 4, port + 7..=32_000]),
    ];
    let mut offer = events::offer(id, agent_id(number), "analytics", resources);
    offer.framework_id = FRAMEWORK.into();
    offer.hostname = format!("node-{number:06}.rack-{:03}.example.net", number / 40);
    offer.attributes = vec![
        text("rack", format!("rack-{:03}", number / 40)),
        text("zone", format!("zone-{}", number % 3)),
        text("os", "debian-12".to_owned()),
        text("instance", "m5.4xlarge".to_owned()),
    ];
    offer.domain = Some(DomainInfo {
        fault_domain: Some(domain_info::FaultDomain {
            region: domain_info::fault_domain::RegionInfo {
                name: "region-1".to_owned(),
            },
            zone: domain_info::fault_domain::ZoneInfo {
                name: format!("zone-{}", number % 3),
            },
        }),
    });
    offer
}

/// The first event of a stream.
pub(super) fn subscribed(encoding: Encoding, heartbeat: Duration) -> Vec<u8> {
    let info = MasterInfo {
        id: MASTER.to_owned(),
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    };
    chunk(
        encoding,
        &events::subscribed(FRAMEWORK, heartbeat, Some(info)),
    )
}

/// HEARTBEAT.
pub(super) fn heartbeat(encoding: Encoding) -> Vec<u8> {
    chunk(encoding, &events::heartbeat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(encoding: Encoding, chunk: &[u8]) -> Event {
        let head = chunk.iter().position(|b| *b == b'\n').expect("a size") + 1;
        let length = chunk[head..]
            .iter()
            .position(|b| *b == b'\n')
            .expect("a length");
        let digits = std::str::from_utf8(&chunk[head..head + length]).expect("digits");
        let start = head + length + 1;
        let record = &chunk[start..start + digits.parse::<usize>().expect("a length")];
        assert_eq!(&chunk[start + record.len()..], b"\r\n");
        let size = std::str::from_utf8(&chunk[..head - 2]).expect("digits");
        assert_eq!(
            usize::from_str_radix(size, 16),
            Ok(length + 1 + record.len())
        );
        encoding.decode(record).expect("an event")
    }

    #[test]
    fn a_copy_of_an_update_has_its_own_ids() {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            let mut out = Vec::new();
            Updates::new(encoding, true).put(&mut out, 1234, 77, 1 << 40);
            let status = event(encoding, &out).update.expect("an update").status;
            assert_eq!(status.task_id.value, "task-00001234");
            assert_eq!(
                status.executor_id.expect("an executor").value,
                "task-00001234"
            );
            assert_eq!(status.agent_id.expect("an agent").value, agent_id(77));
            let uuid = status.uuid.expect("a uuid");
            assert_eq!(uuid_parts(&uuid), Some((1234, 1 << 40)));
        }
    }

    #[test]
    fn an_answer_to_reconcile_has_no_uuid() {
        let mut out = Vec::new();
        Updates::new(Encoding::Protobuf, false).put(&mut out, 1, 2, 3);
        let status = event(Encoding::Protobuf, &out)
            .update
            .expect("an update")
            .status;
        assert!(!status.needs_acknowledgement());
        assert_eq!(status.task_id.value, "task-00000001");
    }

    #[test]
    fn each_offer_of_each_event_has_its_own_id() {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            let mut offers = Offers::new(encoding, 3);
            for first in [0, 3] {
                let event = event(encoding, offers.numbered(first));
                let ids: Vec<_> = event.offers.expect("offers").offers.into_iter().collect();
                let ids: Vec<_> = ids.iter().map(|offer| offer.id.value.clone()).collect();
                let expected: Vec<_> = (first..first + 3)
                    .map(|number| format!("{MASTER}-O{number:010}"))
                    .collect();
                assert_eq!(ids, expected);
            }
        }
    }

    #[test]
    fn ids_are_parsed_as_written_and_other_ids_are_rejected() {
        assert_eq!(task_number(task_id(42).as_bytes()), Some(42));
        assert_eq!(agent_number(agent_id(42).as_bytes()), Some(42));
        assert_eq!(task_number(b"task-1"), None);
        assert_eq!(task_number(b"task-0000000x"), None);
        assert_eq!(uuid_parts(&[0; 16]), None);
        assert_eq!(uuid_parts(b"FLMD"), None);
        // The variant of other uuids.
        assert_eq!(uuid_parts(b"\0\0\0\x01FLMD\0\0\0\0\0\0\0\x01"), None);
    }

    #[test]
    fn every_uuid_is_of_version_4_and_contains_its_task_and_number() {
        for task in [0, 1, 4095, 4096, 0xffff, 0x5000, u32::MAX] {
            for number in [0, 1, 1 << 40, (1 << 62) - 1] {
                let bytes = uuid(task, number);
                let parsed = uuid::Uuid::from_bytes(bytes);
                assert_eq!(parsed.get_version_num(), 4, "{task} {number}: {parsed}");
                assert_eq!(parsed.get_variant(), uuid::Variant::RFC4122, "{parsed}");
                assert_eq!(uuid_parts(&bytes), Some((task, number)), "{parsed}");
            }
        }
    }
}
