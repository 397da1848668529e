//! What a master announces about itself.

use std::net::{IpAddr, SocketAddr};

use mesos_proto::v1::{self, MasterInfo};

pub(super) fn master_info(id: String, address: SocketAddr) -> MasterInfo {
    let ip = match address.ip() {
        // In network byte order: the first number in the lowest byte.
        IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    };
    MasterInfo {
        pid: Some(format!("master@{address}")),
        ip,
        port: u32::from(address.port()),
        hostname: Some(address.ip().to_string()),
        version: Some("1.11.0".to_owned()),
        address: Some(v1::Address {
            hostname: Some(address.ip().to_string()),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        id,
        ..Default::default()
    }
}
