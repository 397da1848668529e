//! Runs a command for its output.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the command prints on standard output.
///
/// # Errors
/// The command cannot be started or fails, with its standard error. The output is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    let output = command
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        bail!(
            "`{shown}` failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{shown}` is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_reported_with_its_standard_error() {
        let error = output(Command::new("ls").arg("/not/there")).expect_err("ls fails");
        let error = error.to_string();
        assert!(
            error.starts_with("`ls /not/there` failed (exit status: 2): "),
            "{error}"
        );
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn the_output_of_a_command_is_returned() -> Result<()> {
        assert_eq!(output(Command::new("echo").arg("text"))?, "text\n");
        Ok(())
    }
}
