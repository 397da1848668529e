//! Fuzzes resources as text.

use crate::resources::{Resources, validate};

/// Parses text as resources.
///
/// # Panics
/// The resources are invalid, differ after printing and parsing, or violate a rule of their
/// arithmetic.
pub fn resources(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let resources: Resources = match text.parse() {
        Ok(resources) => resources,
        Err(error) => {
            assert!(error.offset() <= text.len());
            assert!(text.is_char_boundary(error.offset()), "{error}");
            assert!(text[error.offset()..].starts_with(error.found()), "{error}");
            return;
        }
    };
    for resource in resources.iter() {
        assert_eq!(validate(resource), Ok(()));
    }
    let printed = resources.to_string();
    let again: Resources = printed.parse().expect("the printed resources are valid");
    assert_eq!(again, resources);
    assert_eq!(again.to_string(), printed);

    assert!(resources.contains(&resources));
    let same = resources.clone();
    assert!((&resources - &same).is_empty());
    let twice = &resources + &resources;
    assert!(twice.contains(&resources));
    let messages: Vec<_> = resources.iter().cloned().collect();
    assert_eq!(Resources::try_from(messages).as_ref(), Ok(&resources));
}
