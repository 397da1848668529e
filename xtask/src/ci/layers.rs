//! Checks which crate depends on which. The direction of the dependencies keeps the two backends
//! independent and the state machines free of I/O, and one line in a Cargo.toml can break it.

use std::path::Path;

use anyhow::{Result, bail};

use super::cargo::{Package, packages};

/// The limits of one crate. Tests may depend on anything.
struct Layer {
    name: &'static str,
    /// The crates of the workspace that the crate may use.
    uses: &'static [&'static str],
    /// The only other crates that the crate may use; `None` for no limit.
    foreign: Option<&'static [&'static str]>,
    /// Whether the crate may have a build script.
    builds: bool,
}

const LAYERS: &[Layer] = &[
    // What a message costs its users is part of its interface.
    Layer {
        name: "mesos-proto",
        uses: &[],
        foreign: Some(&[
            "base64",
            "bytes",
            "prost",
            "prost-types",
            "serde",
            // With the feature `json`, whose text only serde_json reads.
            "serde_json",
            "uuid",
        ]),
        builds: false,
    },
    // No transport: a backend brings that.
    Layer {
        name: "mesos-core",
        uses: &["mesos-proto"],
        foreign: Some(&[
            "async-trait",
            "bytes",
            "crc32fast",
            "fastrand",
            "foldhash",
            "futures-util",
            "hashbrown",
            "memchr",
            "metrics",
            "nix",
            "prost",
            "tempfile",
            "thiserror",
            "tokio",
            "tokio-util",
            "tracing",
            "uuid",
            "zeroize",
        ]),
        builds: false,
    },
    Layer {
        name: "mesos-zookeeper",
        uses: &["mesos-core", "mesos-proto"],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-http",
        uses: &["mesos-core", "mesos-proto", "mesos-zookeeper"],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-native",
        uses: &["mesos-core", "mesos-proto", "mesos-zookeeper"],
        foreign: None,
        builds: true,
    },
    // Calculates only: no I/O, no clock and no runtime, so that it runs in any program.
    Layer {
        name: "mesos-placement",
        uses: &["mesos-core", "mesos-proto"],
        foreign: Some(&[
            "fastrand",
            "fixedbitset",
            "regex",
            "serde",
            "strsim",
            "thiserror",
        ]),
        builds: false,
    },
    // Over any backend, so without a driver of its own.
    Layer {
        name: "mesos-framework",
        uses: &["mesos-core", "mesos-placement", "mesos-proto"],
        foreign: Some(&[
            "async-trait",
            "bytes",
            "fastrand",
            "futures-core",
            "futures-util",
            "humantime",
            "prost",
            "redb",
            "serde",
            "serde-saphyr",
            "serde_json",
            "strsim",
            "thiserror",
            "tokio",
            "toml",
            "tracing",
        ]),
        builds: false,
    },
    // Over any backend, in production as well, so without a driver of its own.
    Layer {
        name: "mesos-replay",
        uses: &["mesos-core", "mesos-proto"],
        foreign: Some(&[
            "async-trait",
            "bytes",
            "serde",
            "serde_json",
            "tokio",
            "tracing",
        ]),
        builds: false,
    },
    // A page about a framework over any backend. The output of tasks comes over HTTP in any case.
    Layer {
        name: "mesos-status",
        uses: &["mesos-core", "mesos-framework", "mesos-http", "mesos-proto"],
        foreign: None,
        builds: false,
    },
    // For executors over any backend, so without a driver of its own.
    Layer {
        name: "mesos-process",
        uses: &["mesos-proto"],
        foreign: Some(&["bytes", "memchr", "nix", "rustix", "tokio"]),
        builds: false,
    },
    // Reads what strangers packed, so without anything else.
    Layer {
        name: "mesos-archive",
        uses: &[],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-sdk",
        uses: &[
            "mesos-core",
            "mesos-framework",
            "mesos-http",
            "mesos-native",
            "mesos-placement",
            "mesos-proto",
            "mesos-replay",
            "mesos-status",
            "mesos-zookeeper",
        ],
        // No logic of its own, so nothing but what its re-exports need.
        foreign: Some(&["async-trait"]),
        builds: false,
    },
    // A program, on the interface that users have; of ZooKeeper it also reads the masters that wait.
    Layer {
        name: "mesos-cli",
        uses: &[
            "mesos-sdk",
            "mesos-local",
            "mesos-process",
            "mesos-zookeeper",
        ],
        foreign: None,
        builds: false,
    },
    // What an agent starts: on the drivers of this workspace, and without a cluster.
    Layer {
        name: "mesos-launcher",
        uses: &[
            "mesos-archive",
            "mesos-core",
            "mesos-http",
            "mesos-process",
            "mesos-proto",
        ],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-local",
        uses: &[
            "mesos-core",
            "mesos-http",
            "mesos-native",
            "mesos-proto",
            "mesos-zookeeper",
        ],
        foreign: None,
        builds: true,
    },
    // For users' tests as much as ours, so without a real Mesos behind it.
    Layer {
        name: "mesos-testing",
        uses: &["mesos-core", "mesos-proto"],
        foreign: None,
        builds: false,
    },
    // The cases know no backend: its tests bring the backends and the real clusters.
    Layer {
        name: "mesos-conformance",
        uses: &["mesos-core", "mesos-proto", "mesos-testing"],
        foreign: None,
        builds: false,
    },
    // Nobody depends on it but those who run it, so it may see everything.
    Layer {
        name: "mesos-bench",
        uses: &[
            "mesos-core",
            "mesos-framework",
            "mesos-http",
            "mesos-local",
            "mesos-native",
            "mesos-placement",
            "mesos-proto",
            "mesos-testing",
        ],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-examples",
        uses: &["mesos-sdk", "mesos-local", "mesos-process"],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "mesos-guide",
        uses: &["mesos-sdk", "mesos-process", "mesos-testing"],
        foreign: None,
        builds: false,
    },
    Layer {
        name: "xtask",
        uses: &[],
        foreign: None,
        builds: false,
    },
];

/// The features of tokio that bring I/O, which only backends may use.
const IO_OF_TOKIO: [&str; 6] = ["fs", "full", "io-std", "net", "process", "signal"];

/// Compares the table with the manifests.
///
/// # Errors
/// Each dependency, build script or crate that is not in the table.
pub(super) fn run(root: &Path) -> Result<()> {
    let wrong: Vec<_> = packages(root)?.iter().flat_map(wrong_with).collect();
    if !wrong.is_empty() {
        bail!(
            "{}\nif this is intended, change xtask/src/ci/layers.rs",
            wrong.join("\n")
        );
    }
    Ok(())
}

fn wrong_with(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{name} is not in the layers")];
    };
    let mut wrong = Vec::new();
    for dependency in package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
    {
        let other = dependency.name.as_str();
        let allowed = match (&dependency.path, layer.foreign) {
            (Some(_), _) => layer.uses.contains(&other),
            (None, Some(foreign)) => foreign.contains(&other),
            (None, None) => true,
        };
        if !allowed {
            wrong.push(format!("{name} must not depend on {other}"));
        }
        let io = dependency
            .features
            .iter()
            .find(|feature| IO_OF_TOKIO.contains(&feature.as_str()));
        if let (Some(feature), "mesos-core", "tokio") = (io, layer.name, other) {
            wrong.push(format!(
                "{name} must not use tokio's feature `{feature}`: only backends may do I/O"
            ));
        }
    }
    let has_script = package
        .targets
        .iter()
        .any(|target| target.kind.iter().any(|kind| kind == "custom-build"));
    if has_script && !layer.builds {
        wrong.push(format!("{name} must not have a build script"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of cargo metadata that the layers do not use.
    const METADATA: &str = r#""version":"0.1.0","manifest_path":"/w/Cargo.toml","description":null,"keywords":[],"categories":[],
        "readme":null,"license":null,"publish":null,"features":{}"#;

    fn package(text: &str) -> Package {
        serde_json::from_str(text).expect("has the form of cargo metadata")
    }

    #[test]
    fn dependencies_that_are_not_in_the_table_are_reported() {
        let dependency = |name: &str, path: &str, kind: &str, features: &str| {
            format!(
                r#"{{"name":"{name}","req":"*","path":{path},"kind":{kind},"features":[{features}]}}"#
            )
        };
        let core = package(&format!(
            r#"{{{METADATA},"name":"mesos-core","targets":[{{"kind":["custom-build"]}}],"dependencies":[{}]}}"#,
            [
                dependency("mesos-proto", r#""/w/mesos-proto""#, "null", ""),
                dependency("mesos-http", r#""/w/mesos-http""#, "null", ""),
                dependency("mesos-local", r#""/w/mesos-local""#, r#""dev""#, ""),
                dependency("hyper", "null", "null", ""),
                dependency("tokio", "null", "null", r#""sync","net""#),
            ]
            .join(",")
        ));
        assert_eq!(
            wrong_with(&core),
            [
                "mesos-core must not depend on mesos-http",
                "mesos-core must not depend on hyper",
                "mesos-core must not use tokio's feature `net`: only backends may do I/O",
                "mesos-core must not have a build script",
            ]
        );
        let new = package(&format!(
            r#"{{{METADATA},"name":"new","targets":[],"dependencies":[]}}"#
        ));
        assert_eq!(wrong_with(&new), ["new is not in the layers"]);
    }

    #[test]
    fn no_backend_depends_on_the_other() {
        for (backend, other) in [
            ("mesos-http", "mesos-native"),
            ("mesos-native", "mesos-http"),
        ] {
            let layer = LAYERS
                .iter()
                .find(|layer| layer.name == backend)
                .expect("is there");
            assert!(!layer.uses.contains(&other));
        }
    }
}
