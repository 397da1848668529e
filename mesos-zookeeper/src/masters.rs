//! The nodes under the masters' path: which node leads, and the address of its master. No I/O.
//!
//! # The masters' nodes
//! Each master that can lead has an ephemeral node under the path in `--zk`. Its name is a label and
//! a number that ZooKeeper increments. The smallest number leads. When a master exits or loses its
//! session, its node disappears and the next master leads.
//!
//! | node | data | written by |
//! |---|---|---|
//! | `json.info_0000000012` | `MasterInfo` in JSON | Mesos since 0.24 |
//! | `info_0000000012` | `MasterInfo` in protobuf | older versions |
//! | `0000000012` | `master@10.0.0.1:5050` | even older versions |
//!
//! Nodes that do not end in a number are ignored, like the `log_replicas` of the masters' registry.
//! The number counts whatever the label is, as in Mesos (`GroupProcess::cache` in
//! src/zookeeper/group.cpp): a foreign node with the smallest number prevents the masters from
//! leading.
//!
//! In a `MasterInfo`, the field `address` counts; without it the `pid`; and without that the `ip`
//! with the `port`. The IP address is preferred to the host name, as in Mesos' own library.

use std::net::{IpAddr, Ipv4Addr};

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::MasterInfo;
use prost::Message;

/// A node with a number, which takes part in the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The last part of the node's path.
    pub node: &'a str,
    format: Format,
}

/// The format of a node's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `MasterInfo` in JSON.
    Json,
    /// `MasterInfo` in protobuf.
    Protobuf,
    /// `master@ip:port`.
    Pid,
    /// The node does not belong to a master.
    Foreign,
}

/// The node that leads, if there is one.
pub fn leading(nodes: &[String]) -> Option<Member<'_>> {
    in_order(nodes).into_iter().next()
}

/// The nodes that take part in the election, in the order in which they would lead.
pub fn in_order(nodes: &[String]) -> Vec<Member<'_>> {
    let mut members: Vec<_> = nodes.iter().filter_map(|node| member(node)).collect();
    // The name decides between equal numbers with different labels, which ZooKeeper never creates.
    members.sort_by_key(|&(sequence, member)| (sequence, member.node));
    members.into_iter().map(|(_, member)| member).collect()
}

/// The number and the node, if the name ends in a number.
fn member(node: &str) -> Option<(i32, Member<'_>)> {
    let (label, sequence) = match node.rsplit_once('_') {
        Some((label, sequence)) => (Some(label), sequence),
        None => (None, node),
    };
    // ZooKeeper's counter is an i32 that wraps around to negative numbers.
    let sequence = sequence.parse().ok()?;
    let format = match label {
        Some("json.info") => Format::Json,
        Some("info") => Format::Protobuf,
        None => Format::Pid,
        Some(_) => Format::Foreign,
    };
    Some((sequence, Member { node, format }))
}

impl Member<'_> {
    /// `host:port` of the master whose node has this `data`, with an IPv6 address in brackets.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if the data is not in a master's format. [`ErrorKind::NotLeader`] if the
    /// node does not belong to a master, so that no master leads.
    pub fn address(&self, data: &[u8]) -> Result<String> {
        match self.format {
            Format::Json => {
                let info = serde_json::from_slice(data)
                    .map_err(|e| self.unreadable("does not contain a MasterInfo in JSON").with_source(e))?;
                address_of_info(&info)
            }
            Format::Protobuf => {
                let info = MasterInfo::decode(data).map_err(|e| {
                    self.unreadable("does not contain a MasterInfo in protobuf")
                        .with_source(e)
                })?;
                address_of_info(&info)
            }
            Format::Pid => std::str::from_utf8(data)
                .ok()
                .and_then(|pid| address_of_pid(pid.trim()))
                .ok_or("is not like master@10.0.0.1:5050"),
            Format::Foreign => {
                return Err(Error::new(
                    ErrorKind::NotLeader,
                    format!(
                        "the node {} has the smallest number among the masters' nodes in ZooKeeper, \
                         but does not belong to a master; remove it, otherwise no master can lead",
                        self.node
                    ),
                ));
            }
        }
        .map_err(|how| self.unreadable(how))
    }

    /// An error of kind [`ErrorKind::Decode`] that says `how` the data of the node is invalid.
    pub fn unreadable(&self, how: &str) -> Error {
        let node = self.node;
        Error::new(
            ErrorKind::Decode,
            format!("the leading master's node {node} in ZooKeeper {how}"),
        )
    }
}

/// The preferred one of the three forms of the address, or what is invalid.
fn address_of_info(info: &MasterInfo) -> Result<String, &'static str> {
    let port = |port: Option<u16>| match port {
        Some(0) | None => Err("has no port"),
        Some(port) => Ok(port),
    };
    if let Some(address) = &info.address {
        let port = port(address.port.try_into().ok())?;
        match (&address.ip, &address.hostname) {
            (Some(ip), _) => match ip.parse() {
                Ok(IpAddr::V4(ip)) => Ok(format!("{ip}:{port}")),
                Ok(IpAddr::V6(ip)) => Ok(format!("[{ip}]:{port}")),
                Err(_) => Err("has an invalid IP address"),
            },
            (None, Some(host)) => Ok(format!("{host}:{port}")),
            (None, None) => Err("has neither an IP address nor a host name"),
        }
    } else if let Some(pid) = &info.pid {
        address_of_pid(pid).ok_or("has an invalid pid")
    } else {
        let port = port(info.port.try_into().ok())?;
        // The four bytes in network order, read as a number by a little-endian machine
        // (`createMasterInfo` in src/common/protobuf_utils.cpp).
        let ip = Ipv4Addr::from(info.ip.to_le_bytes());
        if ip.is_unspecified() {
            return Err("has no IP address");
        }
        Ok(format!("{ip}:{port}"))
    }
}

/// The address in `name@host:port`.
fn address_of_pid(pid: &str) -> Option<String> {
    let (name, address) = pid.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let whole = !name.is_empty() && !host.is_empty() && port != 0;
    (whole && !address.contains(['/', '@'])).then(|| address.to_owned())
}

#[cfg(test)]
mod tests;
