//! `mesos-local provide`: downloads for a program that uses the library without the feature `cli`.

use mesos_local::wire::Provided;

/// What to download.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Package {
    /// A release of libmesos.
    Libmesos {
        /// The release.
        version: String,
    },
    /// The OpenSSL that libmesos needs for TLS.
    Openssl,
}

/// Downloads the package, unless it is in the cache, and prints the result as JSON. The error is
/// the message for the user.
pub(crate) fn run(package: &Package) -> Result<(), String> {
    let marker = match package {
        Package::Libmesos { version } => mesos_local::libmesos_blocking(version),
        Package::Openssl => mesos_local::openssl().map(|mut files| files.pop().unwrap_or_default()),
    };
    let provided = match marker {
        Ok(path) => Provided::File(path),
        Err(error) => Provided::Failed {
            kind: error.kind(),
            message: error.report(),
        },
    };
    let json = serde_json::to_string(&provided).map_err(|error| error.to_string())?;
    println!("{json}");
    Ok(())
}
