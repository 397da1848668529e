//! Names of roles: which names Mesos accepts, and the hierarchy of roles.
//!
//! The rules are those of src/common/roles.cpp. Roles form a tree, written like paths: `eng/web` is
//! below `eng`. `*` is the default role; resources "reserved" for `*` are unreserved.

/// Validates the name of a role.
///
/// A name is `*`, or words between slashes. A word is not empty, is not `.`, `..` or `*`, does not
/// begin with a dash, and does not contain whitespace or DEL.
///
/// # Errors
/// [`InvalidRole`] with the violated rule.
///
/// ```
/// use mesos::resources::roles;
///
/// assert!(roles::validate("eng/web").is_ok());
/// assert_eq!(
///     roles::validate("eng/").unwrap_err().to_string(),
///     r#"invalid role "eng/": it ends with a slash; remove the slash"#,
/// );
/// ```
pub fn validate(role: &str) -> Result<(), InvalidRole> {
    let broken = if role == "*" {
        return Ok(());
    } else if role.is_empty() {
        Some("it is empty; write a name, or * for the default role")
    } else if role.starts_with('/') {
        Some("it begins with a slash; remove the slash")
    } else if role.ends_with('/') {
        Some("it ends with a slash; remove the slash")
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
        "" => Some("it has two consecutive slashes; write one"),
        "." | ".." => Some("\".\" and \"..\" are not allowed as a part"),
        "*" => Some("\"*\" is only allowed alone"),
        _ if word.starts_with('-') => Some("a part begins with a dash; remove the dash"),
        _ if word.contains(forbidden) => {
            Some("it contains whitespace or DEL; remove the character")
        }
        _ => None,
    }
}

/// Whether `role` is below `ancestor` and differs from it: `eng/web` is below `eng`; `engine` is
/// not.
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// A name that Mesos does not accept as a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid role {role:?}: {why}")]
pub struct InvalidRole {
    role: String,
    why: &'static str,
}
