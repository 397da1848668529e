//! The updates of which the proxy has changed bytes.
//!
//! The protocol has no checksum. A changed byte in the task id, or in the state, is a valid update
//! to every receiver. If the uuid, the agent id and the task id are intact, then the agent accepts
//! the acknowledgement of the changed copy, and does not send the update again.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use mesos_http::Codec;
use mesos_testing::v1::TaskState;
use mesos_testing::v1::scheduler::Event;
use mesos_testing::{Encoding, FaultProxy};

/// The task and the state of each update of which the proxy has changed a copy, as the master sent
/// them, by uuid.
pub(crate) fn updates(proxy: &FaultProxy, codec: Codec) -> HashMap<Bytes, (String, TaskState)> {
    let encoding = match codec {
        Codec::Json => Encoding::Json,
        _ => Encoding::Protobuf,
    };
    let mut updates = HashMap::new();
    for connection in proxy.connections() {
        let Some(recording) = connection.recording() else {
            continue;
        };
        for range in records(&recording.sent) {
            let sent = &recording.sent[range.clone()];
            if sent == &recording.forwarded[range] {
                continue;
            }
            let event: Option<Event> = encoding.decode(sent);
            if let Some(status) = event.and_then(|event| event.update?.status.into()) {
                let state = status.state();
                updates.extend(
                    status
                        .uuid
                        .map(|uuid| (uuid, (status.task_id.value, state))),
                );
            }
        }
    }
    updates
}

/// The ranges of `stream` that may be records of RecordIO: a line with a length, and that many
/// bytes. A master writes each record in one chunk of HTTP, so a record is never split. The other
/// lines of HTTP are not records, and cannot be decoded.
fn records(stream: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let lines = stream.split_inclusive(|byte| *byte == b'\n');
    let ends = lines.scan(0, |end, line| {
        *end += line.len();
        Some((*end, line))
    });
    ends.filter_map(|(start, line)| {
        let length = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let end = start.checked_add(length.parse().ok()?)?;
        (end <= stream.len()).then_some(start..end)
    })
}
