//! The configuration file of Mesos' own command line program, `~/.mesos/config.toml`
//! (src/python/cli_new/lib/cli/config.py).

use std::path::PathBuf;

use serde::Deserialize;

use super::cluster::{Cluster, Settings};
use super::file::{invalid, read};
use crate::error::Error;

/// The parts of the file that name a cluster. The list of plugins and the timeout are ignored.
#[derive(Deserialize)]
struct Content {
    master: Option<Masters>,
    #[serde(default)]
    agent: Agent,
}

#[derive(Deserialize)]
struct Masters {
    address: Option<String>,
    zookeeper: Option<ZooKeeper>,
    principal: Option<String>,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct ZooKeeper {
    addresses: Vec<String>,
    path: String,
}

/// Mesos has the settings of TLS only for agents. All processes of a cluster have the same ones.
#[derive(Default, Deserialize)]
struct Agent {
    #[serde(default)]
    ssl: bool,
    #[serde(default)]
    ssl_verify: bool,
}

/// The cluster in the file; `None` if the file does not exist or does not name a master.
pub(super) fn load() -> Result<Option<Cluster>, Error> {
    let path = match std::env::var_os("MESOS_CLI_CONFIG").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => match std::env::var_os("HOME") {
            Some(home) => PathBuf::from(home).join(".mesos").join("config.toml"),
            None => return Ok(None),
        },
    };
    let Some(text) = read(&path)? else {
        return Ok(None);
    };
    let content: Content = toml::from_str(&text).map_err(|error| invalid(&path, &error))?;
    let Some(masters) = content.master else {
        return Ok(None);
    };
    let master = match (masters.address, masters.zookeeper) {
        (Some(address), None) => address,
        (None, Some(zookeeper)) => {
            let servers: Vec<_> = zookeeper.addresses.iter().map(|a| host(a)).collect();
            format!("zk://{}{}", servers.join(","), zookeeper.path)
        }
        _ => {
            let reason = "[master] must have either an address or a zookeeper table";
            return Err(invalid(&path, &reason));
        }
    };
    Ok(Some(Cluster {
        source: path.display().to_string(),
        settings: Settings {
            master: Some(master),
            principal: masters.principal,
            secret: masters.secret,
            insecure: (content.agent.ssl && !content.agent.ssl_verify).then_some(true),
            ..Settings::default()
        },
    }))
}

/// An address without the scheme that Mesos' program also accepts.
fn host(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    address.trim_end_matches('/')
}
