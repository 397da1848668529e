//! What a master says of itself in its node, read as the place where it
//! answers. Pure.

use std::net::{IpAddr, Ipv4Addr};

use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::MasterInfo;
use prost::Message;

use super::super::master::Settings;
use super::members::Format;
use crate::endpoint::Endpoint;

/// Where the master is whose `node` has this `data`.
pub(super) fn endpoint(
    node: &str,
    format: Format,
    data: &[u8],
    settings: &Settings,
) -> Result<Endpoint> {
    let unreadable = |how: &str| {
        Error::new(
            ErrorKind::Decode,
            format!("the leading master's node {node} in ZooKeeper {how}"),
        )
    };
    let endpoint = match format {
        Format::Json => {
            let info = serde_json::from_slice(data)
                .map_err(|e| unreadable("has no MasterInfo in JSON").with_source(e))?;
            address(&info).map_err(unreadable)?
        }
        Format::Protobuf => {
            let info = MasterInfo::decode(data)
                .map_err(|e| unreadable("has no MasterInfo in protobuf").with_source(e))?;
            address(&info).map_err(unreadable)?
        }
        Format::Pid => std::str::from_utf8(data)
            .ok()
            .and_then(|pid| Endpoint::from_pid(pid.trim()).ok())
            .ok_or_else(|| unreadable("is not like master@10.0.0.1:5050"))?,
        Format::Foreign => {
            return Err(Error::new(
                ErrorKind::NotLeader,
                format!(
                    "{node} has the smallest number among the masters' nodes in ZooKeeper, and is \
                     not a master's; no master can lead before it is removed"
                ),
            ));
        }
    };
    Ok(endpoint
        .with_scheme(settings.scheme())
        .with_prefix(&settings.prefix))
}

/// What is best of the address in three versions, or what is wrong with it.
fn address(info: &MasterInfo) -> Result<Endpoint, &'static str> {
    let port = |port: Option<u16>| match port {
        Some(0) | None => Err("has no port"),
        Some(port) => Ok(port),
    };
    let text = if let Some(address) = &info.address {
        let port = port(address.port.try_into().ok())?;
        match (&address.ip, &address.hostname) {
            (Some(ip), _) => match ip.parse() {
                Ok(IpAddr::V4(ip)) => format!("{ip}:{port}"),
                Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
                Err(_) => return Err("has an IP address that is none"),
            },
            (None, Some(host)) => format!("{host}:{port}"),
            (None, None) => return Err("has neither an IP address nor a host name"),
        }
    } else if let Some(pid) = &info.pid {
        return Endpoint::from_pid(pid).map_err(|_| "has a pid that is none");
    } else {
        let port = port(info.port.try_into().ok())?;
        // The four bytes as they were in the master's memory, in network order,
        // read as a number by a little-endian machine (`createMasterInfo` in
        // src/common/protobuf_utils.cpp).
        let ip = Ipv4Addr::from(info.ip.to_le_bytes());
        if ip.is_unspecified() {
            return Err("has no IP address");
        }
        format!("{ip}:{port}")
    };
    text.parse().map_err(|_| "has a host name that is none")
}

#[cfg(test)]
mod tests;
