//! Commands: `validateCommandInfo` and `validateEnvironment` in src/common/validation.cpp, the rules
//! of include/mesos/v1/mesos.proto, and surprises of src/launcher/fetcher.cpp.

use std::collections::BTreeSet;

use mesos_proto::v1::environment::{Variable, variable};
use mesos_proto::v1::{CommandInfo, Secret, command_info, secret};

use super::report::Report;
use super::rules::{
    ARGUMENT_ZERO, COMMAND_WITHOUT_VALUE, DUPLICATE_VARIABLE, IGNORED_FIELD, INVALID_VARIABLE,
    RELATIVE_FILE_IN_IMAGE,
};

pub(super) fn command(report: &mut Report<'_>, field: &str, info: &CommandInfo) {
    report.within(field, |report| {
        environment(report, info);
        arguments(report, info);
        for (place, uri) in info.uris.iter().enumerate() {
            if uri.executable() && uri.extract == Some(true) {
                let message = "the fetcher makes the file executable and does not extract it";
                let remedy = "set only one of executable and extract";
                report.add(
                    &IGNORED_FIELD,
                    format!("uris[{place}].extract"),
                    message,
                    remedy,
                );
            }
        }
    });
}

/// Checks that there is something to run. An image can bring a program, but not a shell command.
pub(super) fn value(report: &mut Report<'_>, info: &CommandInfo, has_image: bool) {
    if info.value.is_some() || (has_image && !info.shell()) {
        return;
    }
    let (message, remedy) = match info.shell() {
        true => (
            "the shell has nothing to run",
            "set value to a shell command; for the program of an image set shell to false",
        ),
        false => (
            "the command has no program",
            "set value to the path of a program",
        ),
    };
    report.add(&COMMAND_WITHOUT_VALUE, "value", message, remedy);
}

fn arguments(report: &mut Report<'_>, info: &CommandInfo) {
    let Some(first) = info.arguments.first() else {
        return;
    };
    if info.shell() {
        let message = "the shell runs value, and arguments are ignored";
        let remedy = "set shell to false, or write the arguments into value";
        report.add(&IGNORED_FIELD, "arguments", message, remedy);
        return;
    }
    let Some(value) = &info.value else {
        return;
    };
    let program = value.rsplit('/').next().unwrap_or(value);
    let login_shell = first.strip_prefix('-') == Some(program);
    if first.starts_with('-') && !login_shell {
        let message = format!("the program receives {first:?} as its own name, not as an option");
        let remedy = format!("insert {program:?} as the first argument");
        report.add(&ARGUMENT_ZERO, "arguments[0]", message, remedy);
    }
}

fn environment(report: &mut Report<'_>, info: &CommandInfo) {
    let mut seen = BTreeSet::new();
    let variables = info.environment.iter().flat_map(|all| &all.variables);
    for (place, one) in variables.enumerate() {
        let field = format!("environment.variables[{place}]");
        if !seen.insert(one.name.as_str()) {
            let message = format!(
                "the variable {:?} is set again; the last value wins",
                one.name
            );
            report.add(
                &DUPLICATE_VARIABLE,
                &field,
                message,
                "set each variable once",
            );
        }
        if let Err((message, remedy)) = variable(one) {
            let message = format!("the variable {:?} {message}", one.name);
            report.add(&INVALID_VARIABLE, &field, message, remedy);
        }
    }
}

/// What is wrong, and the remedy.
type Wrong = (&'static str, &'static str);

fn variable(one: &Variable) -> Result<(), Wrong> {
    match (one.r#type(), &one.value, &one.secret) {
        (variable::Type::Unknown, ..) => {
            Err(("has an unknown type", "set type to VALUE or SECRET"))
        }
        (variable::Type::Value, None, _) => Err(("of type VALUE has no value", "set value")),
        (variable::Type::Value, _, Some(_)) => Err((
            "of type VALUE has a secret",
            "remove secret, or set type to SECRET",
        )),
        (variable::Type::Value, Some(_), None) => Ok(()),
        (variable::Type::Secret, _, None) => Err(("of type SECRET has no secret", "set secret")),
        (variable::Type::Secret, Some(_), _) => Err(("of type SECRET has a value", "remove value")),
        (variable::Type::Secret, None, Some(secret)) => {
            self::secret(secret)?;
            let data = secret.value.as_ref().map(|value| &value.data);
            match data.is_some_and(|data| data.contains(&0)) {
                true => Err((
                    "has a secret with a null byte",
                    "use a volume of type SECRET for binary secrets",
                )),
                false => Ok(()),
            }
        }
    }
}

/// `validateSecret`.
fn secret(secret: &Secret) -> Result<(), Wrong> {
    match (secret.r#type(), &secret.reference, &secret.value) {
        (secret::Type::Reference, None, _) => Err((
            "has a secret of type REFERENCE without reference",
            "set reference",
        )),
        (secret::Type::Reference, Some(_), Some(_)) => Err((
            "has a secret of type REFERENCE with a value",
            "remove the value",
        )),
        (secret::Type::Value, _, None) => {
            Err(("has a secret of type VALUE without value", "set the value"))
        }
        (secret::Type::Value, Some(_), Some(_)) => Err((
            "has a secret of type VALUE with a reference",
            "remove the reference",
        )),
        _ => Ok(()),
    }
}

/// The fetcher puts files into the sandbox, but a command in an image starts in the working directory
/// of the image if the image has one (`getWorkingDirectory` in
/// src/slave/containerizer/mesos/isolators/docker/runtime.cpp).
pub(super) fn files_in_image(report: &mut Report<'_>, info: &CommandInfo) {
    let Some(value) = &info.value else {
        return;
    };
    for (place, uri) in info.uris.iter().enumerate() {
        let name = file_name(uri);
        let relative = format!("./{name}");
        let runs = match info.shell() {
            true => value.split_whitespace().any(|word| word == relative),
            false => *value == relative,
        };
        if !name.is_empty() && runs {
            report.add(
                &RELATIVE_FILE_IN_IMAGE,
                "value",
                format!(
                    "the fetcher puts {name} (uris[{place}]) into the sandbox, but the command \
                     starts in the working directory of the image, if the image has one"
                ),
                format!("run \"$MESOS_SANDBOX/{name}\""),
            );
        }
    }
}

fn file_name(uri: &command_info::Uri) -> &str {
    let path = uri.value.split(['?', '#']).next().unwrap_or_default();
    match &uri.output_file {
        Some(name) => name,
        None => path.rsplit('/').next().unwrap_or_default(),
    }
}
