//! Commands and their environment.

use std::fmt::Display;

use crate::v1::command_info::Uri;
use crate::v1::environment::{Variable, variable};
use crate::v1::{CommandInfo, Environment, Secret};

impl CommandInfo {
    /// A shell command: the agent runs `sh -c line`.
    ///
    /// ```
    /// use mesos::v1::CommandInfo;
    ///
    /// let command = CommandInfo::sh("echo $GREETING | tee out").with_env("GREETING", "hello");
    /// assert_eq!(command.value(), "echo $GREETING | tee out");
    /// assert!(command.shell());
    /// ```
    pub fn sh(line: impl Into<String>) -> Self {
        Self {
            shell: Some(true),
            value: Some(line.into()),
            ..Self::default()
        }
    }

    /// A program with its arguments, run without a shell. The first item is the program. If it has
    /// no `/`, the agent finds the program through the `PATH` of the task.
    ///
    /// The message has the program twice: Mesos starts `value` and passes `arguments`, whose first
    /// item is the name of the program (`src/slave/containerizer/mesos/launch.cpp`). Without any
    /// item the command has no `value`, and Mesos rejects the task.
    ///
    /// ```
    /// use mesos::v1::CommandInfo;
    ///
    /// let command = CommandInfo::argv(["/bin/echo", "$not expanded"]);
    /// assert_eq!(command.value(), "/bin/echo");
    /// assert_eq!(command.arguments, ["/bin/echo", "$not expanded"]);
    /// ```
    pub fn argv<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        let arguments: Vec<String> = argv.into_iter().map(Into::into).collect();
        Self {
            shell: Some(false),
            value: arguments.first().cloned(),
            arguments,
            ..Self::default()
        }
    }

    /// Sets an environment variable, and replaces a variable of the same name.
    ///
    /// The value is anything that can be displayed: text, a number, a path's `display()`.
    ///
    /// ```
    /// use mesos::v1::CommandInfo;
    ///
    /// let command = CommandInfo::sh("exec ./serve").with_env("PORT", 31000);
    /// assert_eq!(command.environment.unwrap().get("PORT"), Some("31000"));
    /// ```
    #[must_use]
    pub fn with_env(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.environment.get_or_insert_default().set(name, value);
        self
    }

    /// Sets an environment variable to the content of a secret, and replaces a variable of the same
    /// name. The agent needs the isolator `environment_secret`.
    ///
    /// ```
    /// use mesos::v1::{CommandInfo, Secret};
    ///
    /// let command = CommandInfo::sh("./run").with_secret_env("TOKEN", Secret::reference("token"));
    /// assert_eq!(command.environment.unwrap().get("TOKEN"), None);
    /// ```
    #[must_use]
    pub fn with_secret_env(mut self, name: impl Into<String>, secret: Secret) -> Self {
        self.environment
            .get_or_insert_default()
            .set_secret(name, secret);
        self
    }

    /// Adds a file that the agent fetches into the sandbox before the command starts. Plain text is
    /// the address of the file. The agent extracts archives unless the [`Uri`] states otherwise.
    ///
    /// ```
    /// use mesos::v1::CommandInfo;
    /// use mesos::v1::command_info::Uri;
    ///
    /// let command = CommandInfo::sh("./run")
    ///     .with_uri("https://files.example/data.tar.gz")
    ///     .with_uri(Uri {
    ///         executable: Some(true),
    ///         ..Uri::from("https://files.example/run")
    ///     });
    /// assert_eq!(command.uris.len(), 2);
    /// ```
    #[must_use]
    pub fn with_uri(mut self, uri: impl Into<Uri>) -> Self {
        self.uris.push(uri.into());
        self
    }

    /// Runs the command as this user of the agent's machine, instead of the user of the framework.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }
}

impl From<&str> for Uri {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl From<String> for Uri {
    fn from(value: String) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }
}

/// ```
/// use mesos::v1::Environment;
///
/// let mut environment = Environment::from_iter([("LANG", "C"), ("TZ", "UTC")]);
/// environment.set("LANG", "C.UTF-8");
/// assert_eq!(environment.get("LANG"), Some("C.UTF-8"));
/// assert_eq!(environment.get("HOME"), None);
/// ```
impl Environment {
    /// The value of a variable. Returns `None` if the variable does not exist or is a secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        let variable = self.variables.iter().rfind(|v| v.name == name)?;
        variable.value.as_deref()
    }

    /// Sets a variable, and replaces a variable of the same name.
    ///
    /// The value is anything that can be displayed.
    pub fn set(&mut self, name: impl Into<String>, value: impl Display) {
        self.replace(Variable {
            name: name.into(),
            r#type: Some(variable::Type::Value.into()),
            value: Some(value.to_string()),
            secret: None,
        });
    }

    /// Sets a variable to the content of a secret, and replaces a variable of the same name.
    pub fn set_secret(&mut self, name: impl Into<String>, secret: Secret) {
        self.replace(Variable {
            name: name.into(),
            r#type: Some(variable::Type::Secret.into()),
            value: None,
            secret: Some(secret),
        });
    }

    fn replace(&mut self, new: Variable) {
        self.variables.retain(|variable| variable.name != new.name);
        self.variables.push(new);
    }
}

/// If two variables have one name, the later value is kept.
impl<K: Into<String>, V: Display> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            environment.set(name, value);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sh_sets_shell_explicitly() {
        let command = CommandInfo::sh("exit 3");
        assert_eq!(command.shell, Some(true));
        assert_eq!(command.value.as_deref(), Some("exit 3"));
        assert!(command.arguments.is_empty() && command.environment.is_none());
    }

    #[test]
    fn argv_repeats_the_program_as_the_first_argument() {
        let command = CommandInfo::argv(vec!["/bin/echo".to_owned(), "x".to_owned()]);
        assert_eq!(command.shell, Some(false));
        assert_eq!(command.value.as_deref(), Some("/bin/echo"));
        assert_eq!(command.arguments, ["/bin/echo", "x"]);
    }

    #[test]
    fn an_empty_argv_has_no_program() {
        let command = CommandInfo::argv::<&str>([]);
        assert_eq!((command.shell, command.value), (Some(false), None));
    }

    #[test]
    fn a_variable_that_is_set_again_occurs_once() {
        let command = CommandInfo::sh("env")
            .with_env("A", "1")
            .with_env("B", "2")
            .with_env("A", "3");
        let environment = command.environment.unwrap();
        assert_eq!(environment.variables.len(), 2);
        assert_eq!(environment.get("A"), Some("3"));
        assert_eq!(environment.get("B"), Some("2"));
    }

    #[test]
    fn a_secret_replaces_a_value_of_the_same_name() {
        let command = CommandInfo::sh("env")
            .with_env("A", 1)
            .with_secret_env("A", Secret::value("hunter2"));
        let environment = command.environment.unwrap();
        assert_eq!(environment.variables.len(), 1);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.variables[0].r#type(), variable::Type::Secret);
    }

    #[test]
    fn user_and_files_reach_the_message() {
        let command = CommandInfo::sh("./run")
            .with_user("nobody")
            .with_uri("http://a/b")
            .with_uri("c".to_owned());
        assert_eq!(command.user(), "nobody");
        assert_eq!(
            command
                .uris
                .iter()
                .map(|uri| uri.value.as_str())
                .collect::<Vec<_>>(),
            ["http://a/b", "c"]
        );
        assert!(command.uris[0].extract());
    }
}
