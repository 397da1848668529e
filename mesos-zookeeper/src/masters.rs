//! The nodes under the masters' path: which of them leads, and where that master
//! is. Pure.
//!
//! # What masters write there
//! Each master that could lead has an ephemeral node under the path in `--zk`,
//! named by a label and a number that ZooKeeper counts up; the smallest number
//! leads. When a master dies or loses its session, its node goes, and the next
//! one leads.
//!
//! | node | its data | written by |
//! |---|---|---|
//! | `json.info_0000000012` | `MasterInfo` in JSON | Mesos since 0.24 |
//! | `info_0000000012` | `MasterInfo` in protobuf | Mesos before it |
//! | `0000000012` | `master@10.0.0.1:5050` | Mesos before that |
//!
//! Other nodes are passed over if they do not end in a number, like the
//! `log_replicas` of the masters' registry. The number counts whatever is before
//! it, as in Mesos (`GroupProcess::cache` in src/zookeeper/group.cpp): a foreign
//! node that has the smallest one keeps Mesos' own masters from leading.
//!
//! Of a `MasterInfo` counts its `address`, where it lacks one its `pid`, and
//! where it lacks that its `ip` with its `port`. The IP address is used rather
//! than the host name, as Mesos' own library does.

use std::net::{IpAddr, Ipv4Addr};

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::MasterInfo;
use prost::Message;

/// A node that has a number, so that it takes part in the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The last part of its path.
    pub node: &'a str,
    format: Format,
}

/// How a master describes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `MasterInfo` in JSON.
    Json,
    /// `MasterInfo` in protobuf.
    Protobuf,
    /// `master@ip:port`.
    Pid,
    /// Not a master's.
    Foreign,
}

/// The node that leads, if there is one.
pub fn leading(nodes: &[String]) -> Option<Member<'_>> {
    nodes
        .iter()
        .filter_map(|node| member(node))
        // The name decides between the same number with two labels, which
        // ZooKeeper never gives out.
        .min_by_key(|&(sequence, member)| (sequence, member.node))
        .map(|(_, member)| member)
}

/// A node and its number, if it has one.
fn member(node: &str) -> Option<(i32, Member<'_>)> {
    let (label, sequence) = match node.rsplit_once('_') {
        Some((label, sequence)) => (Some(label), sequence),
        None => (None, node),
    };
    // ZooKeeper counts in an i32, and goes on below zero after its end.
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
    /// `host:port` of the master whose node has this `data`, an IPv6 address in
    /// brackets.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`]: the data is not what a master writes.
    /// [`ErrorKind::NotLeader`]: the node is no master's, so no master leads.
    pub fn address(&self, data: &[u8]) -> Result<String> {
        match self.format {
            Format::Json => {
                let info = serde_json::from_slice(data)
                    .map_err(|e| self.unreadable("has no MasterInfo in JSON").with_source(e))?;
                of_info(&info)
            }
            Format::Protobuf => {
                let info = MasterInfo::decode(data).map_err(|e| {
                    self.unreadable("has no MasterInfo in protobuf")
                        .with_source(e)
                })?;
                of_info(&info)
            }
            Format::Pid => std::str::from_utf8(data)
                .ok()
                .and_then(|pid| of_pid(pid.trim()))
                .ok_or("is not like master@10.0.0.1:5050"),
            Format::Foreign => {
                return Err(Error::new(
                    ErrorKind::NotLeader,
                    format!(
                        "{} has the smallest number among the masters' nodes in ZooKeeper, and is \
                         not a master's; no master can lead before it is removed",
                        self.node
                    ),
                ));
            }
        }
        .map_err(|how| self.unreadable(how))
    }

    /// An error of kind [`ErrorKind::Decode`] that says `how` the data of the
    /// node is wrong.
    pub fn unreadable(&self, how: &str) -> Error {
        let node = self.node;
        Error::new(
            ErrorKind::Decode,
            format!("the leading master's node {node} in ZooKeeper {how}"),
        )
    }
}

/// What is best of the address in three versions, or what is wrong with it.
fn of_info(info: &MasterInfo) -> Result<String, &'static str> {
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
                Err(_) => Err("has an IP address that is none"),
            },
            (None, Some(host)) => Ok(format!("{host}:{port}")),
            (None, None) => Err("has neither an IP address nor a host name"),
        }
    } else if let Some(pid) = &info.pid {
        of_pid(pid).ok_or("has a pid that is none")
    } else {
        let port = port(info.port.try_into().ok())?;
        // The four bytes as they were in the master's memory, in network order,
        // read as a number by a little-endian machine (`createMasterInfo` in
        // src/common/protobuf_utils.cpp).
        let ip = Ipv4Addr::from(info.ip.to_le_bytes());
        if ip.is_unspecified() {
            return Err("has no IP address");
        }
        Ok(format!("{ip}:{port}"))
    }
}

/// The address in `name@host:port`.
fn of_pid(pid: &str) -> Option<String> {
    let (name, address) = pid.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let whole = !name.is_empty() && !host.is_empty() && port != 0;
    (whole && !address.contains(['/', '@'])).then(|| address.to_owned())
}

#[cfg(test)]
mod tests;
