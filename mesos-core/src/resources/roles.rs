//! Names of roles: what Mesos accepts, and who is below whom.
//!
//! The rules are those of src/common/roles.cpp. Roles form a tree written like paths: `eng/web` is
//! below `eng`. `*` is the role of everybody; what is "reserved" for it is unreserved.

/// Checks the name of a role.
///
/// A name is `*`, or words between slashes. A word is not empty, not `.`, `..` or `*`, does not
/// begin with a dash, and holds no whitespace and no DEL.
///
/// # Errors
/// [`InvalidRole`] with the rule that is broken.
///
/// ```
/// use mesos_core::resources::roles;
///
/// assert!(roles::validate("eng/web").is_ok());
/// assert_eq!(
///     roles::validate("eng/").unwrap_err().to_string(),
///     r#"invalid role "eng/": it ends with a slash; drop it"#,
/// );
/// ```
pub fn validate(role: &str) -> Result<(), InvalidRole> {
    let broken = if role == "*" {
        return Ok(());
    } else if role.is_empty() {
        Some("it is empty; write a name, or * for no role")
    } else if role.starts_with('/') {
        Some("it begins with a slash; drop it")
    } else if role.ends_with('/') {
        Some("it ends with a slash; drop it")
    } else {
        role.split('/').find_map(broken_word)
    };
    match broken {
        None => Ok(()),
        Some(why) => Err(InvalidRole {
            role: role.to_owned(),
            why,
        }),
    }
}

fn broken_word(word: &str) -> Option<&'static str> {
    // The whitespace of Mesos' list, not of Unicode: HT, LF, VT, FF, CR, space; and DEL.
    let forbidden = |c| matches!(c, '\x09'..='\x0d' | ' ' | '\x7f');
    match word {
        "" => Some("it has two slashes side by side; write one"),
        "." | ".." => Some("\".\" and \"..\" cannot be a part of it"),
        "*" => Some("\"*\" stands alone or not at all"),
        _ if word.starts_with('-') => Some("a part of it begins with a dash"),
        _ if word.contains(forbidden) => Some("it holds whitespace or DEL; remove it"),
        _ => None,
    }
}

/// Whether `role` is below `ancestor`, and not the same: `eng/web` is below `eng`; `engine` is not.
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// A name that Mesos does not accept for a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid role {role:?}: {why}")]
pub struct InvalidRole {
    role: String,
    why: &'static str,
}
