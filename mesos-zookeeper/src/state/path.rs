//! Keys as names of nodes.

/// The names of the two nodes of an entry: what is before the last slash of the key, and what is
/// after it.
pub(super) fn names_of(key: &str) -> (String, String) {
    let (folder, leaf) = key.rsplit_once('/').unwrap_or(("", key));
    // A key with a slash at its begin has another folder than a key without a slash.
    let folder = match key.contains('/') {
        true => format!("{folder}/"),
        false => String::new(),
    };
    (encode(&folder), encode(leaf))
}

/// The key of the two nodes; `None` if another program made them.
pub(super) fn key_of(folder: &str, leaf: &str) -> Option<String> {
    Some(format!("{}{}", decode(folder)?, decode(leaf)?))
}

/// The name of nothing. No other text becomes this.
pub(super) const EMPTY: &str = "%";

/// All bytes that ZooKeeper or its tools could misunderstand as `%XX`.
fn encode(text: &str) -> String {
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            // Only `.` and `..` are forbidden, but a dot is rare enough.
            _ => name += &format!("%{byte:02X}"),
        }
    }
    name
}

fn decode(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (encode(&text) == name).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_own_nodes() {
        let keys = [
            "",
            "/",
            "//",
            "a",
            "a/",
            "/a",
            "a/b",
            "a//b",
            "a%2Fb",
            "%",
            "%/%",
            "live/job/a.b",
            "ü/✓",
            "..",
            "../.",
            "zookeeper",
            "a\0b",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for key in keys {
            let (folder, leaf) = names_of(key);
            for name in [&folder, &leaf] {
                assert!(
                    !name.is_empty() && !name.contains(['/', '.', '\0']),
                    "{key}: {name}"
                );
            }
            assert_eq!(key_of(&folder, &leaf).as_deref(), Some(key));
            assert!(seen.insert((folder, leaf)), "{key}");
        }
        assert_eq!(
            names_of("live/job/a"),
            ("live%2Fjob%2F".to_owned(), "a".to_owned())
        );
    }

    #[test]
    fn nodes_of_other_programs_are_not_entries() {
        for name in ["%4", "%zz", "%41", "ü", "a.b", "%FF"] {
            assert_eq!(key_of("%", name), None, "{name}");
        }
    }
}
