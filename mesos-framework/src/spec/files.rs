//! Files with their content, which are in the sandbox when a command starts.

use std::collections::BTreeMap;

use super::{Command, FileSpec};

/// The command with a prologue for the shell that writes the files.
///
/// The prologue uses only what POSIX requires of a shell and `mkdir` and `chmod`. It writes into the
/// sandbox, which is not the working directory of every image.
pub(crate) fn with_files(command: &Command, files: &BTreeMap<String, FileSpec>) -> Command {
    if files.is_empty() {
        return command.clone();
    }
    let prologue = prologue(files);
    match command {
        Command::Shell(line) => Command::Shell(format!("{prologue}\n{line}")),
        Command::Argv(argv) => {
            // "$@" are the arguments after the name of the shell.
            let script = format!("{prologue}\nexec \"$@\"");
            let shell = ["/bin/sh", "-c", &script, "sh"];
            let shell = shell.into_iter().map(str::to_owned);
            Command::Argv(shell.chain(argv.iter().cloned()).collect())
        }
    }
}

fn prologue(files: &BTreeMap<String, FileSpec>) -> String {
    let writes = files.iter().map(|(path, file)| write(path, file));
    let writes = writes.collect::<Vec<_>>().join(" &&\n");
    format!(
        "{{ {writes}; }} ||\n{{ echo 'cannot write the files of the task into the sandbox' >&2; \
         exit 1; }}"
    )
}

fn write(path: &str, file: &FileSpec) -> String {
    let target = format!("\"${{MESOS_SANDBOX:-.}}\"/{}", quoted(path));
    let mut steps = String::new();
    if let Some((folder, _)) = path.rsplit_once('/') {
        let folder = format!("\"${{MESOS_SANDBOX:-.}}\"/{}", quoted(folder));
        steps += &format!("mkdir -p {folder} && ");
    }
    steps += &format!("printf %s {} > {target}", quoted(&file.content));
    if file.executable {
        steps += &format!(" && chmod +x {target}");
    }
    steps
}

/// The text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
