//! The keys that end an attachment while the container continues.

use std::str::FromStr;

/// A sequence of keys, as of `docker attach`: `ctrl-p,ctrl-q`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DetachKeys(Vec<u8>);

impl FromStr for DetachKeys {
    type Err = String;

    /// Keys with commas between them. A key is one character, or `ctrl-` and a letter or one of
    /// `@ [ \ ] ^ _`. The empty text has no keys.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let keys = text.split(',').map(|key| {
            byte(key).ok_or_else(|| {
                format!("{key:?} is not a key; write a character, or ctrl- and a letter")
            })
        });
        keys.collect::<Result<_, _>>().map(Self)
    }
}

/// What a terminal sends for a key.
fn byte(key: &str) -> Option<u8> {
    let (control, name) = match key.strip_prefix("ctrl-") {
        Some(name) => (true, name),
        None => (false, key),
    };
    match (control, name.as_bytes()) {
        (false, [byte @ b' '..=b'~']) => Some(*byte),
        (true, [byte @ b'a'..=b'z']) => Some(byte - b'a' + 1),
        (true, [byte @ b'@'..=b'_']) => Some(byte - b'@'),
        _ => None,
    }
}

/// Looks for the keys in what the user types.
#[derive(Debug)]
pub(super) struct Detacher {
    keys: DetachKeys,
    /// The number of keys that were typed; they are held back.
    typed: usize,
}

/// What the container gets of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) bytes: Vec<u8>,
    /// Whether the keys are complete.
    pub(super) detached: bool,
}

impl Detacher {
    pub(super) fn new(keys: DetachKeys) -> Self {
        Self { keys, typed: 0 }
    }

    /// The part of `input` that the container gets. Keys that begin the sequence are held back until
    /// the next key.
    pub(super) fn pass(&mut self, input: &[u8]) -> Passed {
        let keys = &self.keys.0;
        let mut bytes = Vec::with_capacity(input.len());
        for byte in input {
            if keys.is_empty() {
                bytes.push(*byte);
                continue;
            }
            // The longest beginning of the keys that the last bytes are.
            let mut held = keys[..self.typed].to_vec();
            held.push(*byte);
            while !keys.starts_with(&held) {
                bytes.push(held.remove(0));
            }
            self.typed = held.len();
            if self.typed == keys.len() {
                return Passed {
                    bytes,
                    detached: true,
                };
            }
        }
        Passed {
            bytes,
            detached: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_characters_and_control_characters() {
        let keys = |text: &str| text.parse::<DetachKeys>().map(|keys| keys.0);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![0x10, 0x11]));
        assert_eq!(keys("a,ctrl-@,ctrl-_"), Ok(vec![b'a', 0, 0x1f]));
        assert_eq!(keys(""), Ok(Vec::new()));
        for wrong in ["ctrl-", "ctrl-pq", "ab", "ctrl-p,", "ctrl-1", "\u{e9}"] {
            assert!(keys(wrong).is_err(), "{wrong}");
        }
    }

    /// What the container gets, and whether the last input detached.
    fn pass(keys: &str, inputs: &[&str]) -> (String, bool) {
        let mut detacher = Detacher::new(keys.parse().unwrap());
        let mut all = Vec::new();
        let mut detached = false;
        for input in inputs {
            assert!(!detached);
            let passed = detacher.pass(input.as_bytes());
            all.extend(passed.bytes);
            detached = passed.detached;
        }
        (String::from_utf8(all).unwrap(), detached)
    }

    #[test]
    fn only_the_complete_sequence_detaches_and_nothing_else_is_lost() {
        let keys = "ctrl-p,ctrl-q";
        assert_eq!(pass(keys, &["ls\r\x10\x11"]), ("ls\r".to_owned(), true));
        assert_eq!(pass(keys, &["\x10", "\x11"]), (String::new(), true));
        assert_eq!(pass(keys, &["\x10", "x"]), ("\x10x".to_owned(), false));
        assert_eq!(pass(keys, &["\x10\x10", "\x11"]), ("\x10".to_owned(), true));
        assert_eq!(pass(keys, &["\x11\x10"]), ("\x11".to_owned(), false));
        assert_eq!(pass("a,a,b", &["aaab"]), ("a".to_owned(), true));
        assert_eq!(pass("", &["\x10\x11"]), ("\x10\x11".to_owned(), false));
    }
}
