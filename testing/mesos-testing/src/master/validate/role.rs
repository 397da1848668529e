//! `roles::validate` in src/common/roles.cpp.

use super::{Check, refuse};

pub(super) fn role(role: &str) -> Check {
    if role == "*" {
        return Ok(());
    }
    if role.starts_with('/') {
        return Err(format!("Role '{role}' cannot start with a slash"));
    }
    if role.ends_with('/') {
        return Err(format!("Role '{role}' cannot end with a slash"));
    }
    if role.contains("//") {
        return Err(format!("Role '{role}' cannot contain two adjacent slashes"));
    }
    if role.is_empty() {
        return refuse("Role names cannot be the empty string");
    }
    for component in role.split('/') {
        if matches!(component, "." | ".." | "*") {
            return Err(format!(
                "Role '{role}' cannot include '{component}' as a component"
            ));
        }
        let why = match component {
            _ if component.starts_with('-') => "it starts with a dash",
            _ if component.contains(['\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{7f}']) => {
                "it contains backspace or whitespace"
            }
            _ => continue,
        };
        return Err(format!(
            "Role component '{component}' is invalid because {why}"
        ));
    }
    Ok(())
}
