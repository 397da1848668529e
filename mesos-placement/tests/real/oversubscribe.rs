//! Revocable resources on a real Mesos. An agent gets them from a module that the released library
//! does not contain, so the test sends the message of the agent to the master.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use mesos_local::LocalCluster;

/// Reports revocable CPUs of the agent to the master (`UpdateSlaveMessage` in
/// src/messages/messages.proto).
pub(crate) fn oversubscribe(cluster: &LocalCluster, agent_id: &str, cpus: f64) {
    let scalar = [&[1 << 3 | 1][..], &cpus.to_le_bytes()].concat();
    let resource = [
        field(1, b"cpus"),
        vec![2 << 3, 0],
        field(3, &scalar),
        field(9, b""),
    ];
    let agent = field(1, agent_id.as_bytes());
    let message = [
        field(1, &agent),
        field(2, &resource.concat()),
        vec![5 << 3, 1],
    ]
    .concat();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cluster.port())).unwrap();
    let head = format!(
        "POST /master/mesos.internal.UpdateSlaveMessage HTTP/1.1\r\nHost: localhost\r\n\
         Libprocess-From: slave(1)@127.0.0.1:1\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        message.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&message).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

/// A field of a message: a string or a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 128);
    [&[number << 3 | 2, length][..], bytes].concat()
}
