//! Which cluster a command uses, and how the program connects to it.
//!
//! The address has the first of these sources; the README documents the order:
//! 1. `--master`
//! 2. `--cluster`, a cluster of the configuration file
//! 3. `MESOS_MASTER`
//! 4. `MESOS_CLUSTER`
//! 5. the current cluster of the configuration file (`mesos config use`)
//! 6. the configuration file of Mesos' own command line program
//! 7. the cluster of `mesos local up`, which [`Context`](crate::context::Context) finds
//!
//! Credentials and TLS come from the same cluster of the file as the address, and each variable of
//! the environment replaces one setting. With an address from `--master` or `MESOS_MASTER`, nothing
//! comes from a file, so that no secret is sent to a host for which it is not meant. Naming a
//! cluster beside such an address permits that.

mod cluster;
pub(crate) mod file;
mod mesos_cli;

use clap::parser::ValueSource;

pub(crate) use self::cluster::Cluster;
use self::file::File;
use crate::cli::Global;
use crate::error::Error;

/// What the command line and the environment say about the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    master: Option<Given>,
    cluster: Option<Given>,
}

/// A value of an option, which may come from the environment.
#[derive(Clone, Debug)]
struct Given {
    value: String,
    by_option: bool,
}

impl Selection {
    /// `source` returns where the value of an option comes from.
    pub(crate) fn new(global: &Global, source: impl Fn(&str) -> Option<ValueSource>) -> Self {
        let given = |id: &str, value: &Option<String>| {
            // An empty variable counts as unset.
            let value = value.clone().filter(|value| !value.is_empty())?;
            let by_option = source(id) == Some(ValueSource::CommandLine);
            Some(Given { value, by_option })
        };
        Self {
            master: given("master", &global.master),
            cluster: given("cluster", &global.cluster),
        }
    }

    /// The value of `--master`.
    pub(crate) fn master_option(&self) -> Option<String> {
        let master = self.master.as_ref().filter(|master| master.by_option);
        master.map(|master| master.value.clone())
    }

    /// The settings of the cluster; `None` if no source has an address.
    ///
    /// # Errors
    /// The named cluster does not exist, or a file or a variable is invalid.
    pub(crate) fn find(&self) -> Result<Option<Cluster>, Error> {
        let Some(mut cluster) = self.without_environment()? else {
            return Ok(None);
        };
        cluster.apply_environment(&|name| std::env::var(name).ok())?;
        Ok(Some(cluster))
    }

    fn without_environment(&self) -> Result<Option<Cluster>, Error> {
        let cluster = match (&self.master, &self.cluster) {
            (Some(master), Some(cluster)) if cluster.by_option && !master.by_option => {
                File::load()?.cluster(&cluster.value)?
            }
            // Only a cluster that was named as explicitly as the address lends its credentials.
            (Some(master), Some(cluster)) if cluster.by_option == master.by_option => {
                let named = File::load()?.cluster(&cluster.value)?;
                named.with_master(&master.value, master.source("--master", "MESOS_MASTER"))
            }
            (Some(master), _) => {
                Cluster::new(&master.value, master.source("--master", "MESOS_MASTER"))
            }
            (None, Some(cluster)) => File::load()?.cluster(&cluster.value)?,
            (None, None) => match File::load()?.current()? {
                Some(cluster) => cluster,
                None => return mesos_cli::load(),
            },
        };
        Ok(Some(cluster))
    }
}

impl Given {
    fn source<'a>(&self, option: &'a str, variable: &'a str) -> &'a str {
        if self.by_option { option } else { variable }
    }
}
