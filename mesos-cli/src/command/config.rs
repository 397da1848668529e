//! `mesos config`: the configuration file.

use std::path::PathBuf;

use clap::Subcommand;
use toml_edit::{Item, value};

use crate::config::file::{self, File};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Cell, Column, Fields, GOOD, Table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the clusters of the configuration file
    List,
    /// Show the settings in use, and where they come from
    Show,
    /// Make a cluster the current one
    Use {
        /// The name of the cluster
        name: String,
    },
    /// Add a cluster, or change settings of a cluster
    Set(Set),
    /// Remove a cluster
    Remove {
        /// The name of the cluster
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// The name of the cluster
    name: String,
    /// The principal for HTTP basic authentication
    #[arg(long)]
    principal: Option<String>,
    /// The file with the secret of the principal
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The file with a token for bearer authentication
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The CAs to trust instead of the CAs of the system (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    certificate_file: Option<PathBuf>,
    /// The key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    key_file: Option<PathBuf>,
    /// The name that certificates must be for, instead of the host
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Accept any certificate (dangerous)
    #[arg(long, value_name = "BOOL")]
    insecure: Option<bool>,
}

pub(crate) fn run(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::List => list(context),
        Command::Show => show(context),
        Command::Use { name } => {
            let file = File::load()?;
            file.cluster(&name)?;
            file.edit(|document| file::use_cluster(document, &name))?;
            context.out.done("cluster", &name, "is the current cluster")
        }
        Command::Set(set) => change(&set, context),
        Command::Remove { name } => {
            let file = File::load()?;
            file.cluster(&name)?;
            let current = file.content.cluster.as_deref() == Some(name.as_str());
            file.edit(|document| file::remove_cluster(document, &name, current))?;
            context.out.done("cluster", &name, "is removed")
        }
    }
}

fn list(context: &Context) -> Result<(), Error> {
    let file = File::load()?;
    let mut table = Table::new([
        Column::text("CURRENT"),
        Column::text("NAME"),
        Column::text("MASTER"),
        Column::text("PRINCIPAL").wide(),
    ]);
    let mut shown = std::collections::BTreeMap::new();
    for (name, settings) in &file.content.clusters {
        let current = file.content.cluster.as_ref() == Some(name);
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        table.row(
            name,
            [
                Cell::styled(if current { "*" } else { "" }, GOOD),
                name.into(),
                text(&settings.master).into(),
                text(&settings.principal).into(),
            ],
        );
        shown.insert(name, settings.without_secret());
    }
    context.out.list(&shown, &table)
}

fn show(context: &Context) -> Result<(), Error> {
    let cluster = context.cluster()?;
    let settings = cluster.settings.without_secret();
    let object = serde_json::json!({ "source": cluster.source, "settings": settings });
    context.out.object(&object, &cluster.source, || {
        let mut fields = Fields::new();
        fields.add("Source", &cluster.source);
        if let Some(serde_json::Value::Object(settings)) = object.get("settings") {
            for (key, value) in settings {
                fields.add(
                    key,
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                );
            }
        }
        fields.render()
    })
}

fn change(set: &Set, context: &Context) -> Result<(), Error> {
    let file = File::load()?;
    let path = |path: &Option<PathBuf>| {
        // The file is also read from other working directories.
        let path = path
            .as_ref()
            .map(|path| std::path::absolute(path).unwrap_or(path.clone()));
        path.map(|path| path.display().to_string())
    };
    let master = context.selection.master_option();
    if let Some(master) = &master {
        crate::config::Cluster::new(master, "--master").master()?;
    }
    let known = file.content.clusters.contains_key(&set.name);
    if !known && master.is_none() {
        return Err(
            Error::usage(format!("the new cluster {:?} needs a master", set.name))
                .hint("add --master ADDRESS"),
        );
    }
    file.edit(|document| {
        // The first cluster is what the user works with.
        if file.content.cluster.is_none() && file.content.clusters.is_empty() {
            file::use_cluster(document, &set.name);
        }
        let table = file::cluster_table(document, &set.name);
        let texts = [
            ("master", master),
            ("principal", set.principal.clone()),
            ("secret-file", path(&set.secret_file)),
            ("token-file", path(&set.token_file)),
            ("ca-file", path(&set.ca_file)),
            ("certificate-file", path(&set.certificate_file)),
            ("key-file", path(&set.key_file)),
            ("server-name", set.server_name.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                table[key] = value(text);
            }
        }
        if let Some(insecure) = set.insecure {
            table["insecure"] = if insecure { value(true) } else { Item::None };
        }
    })?;
    context.out.done("cluster", &set.name, "is saved")
}
