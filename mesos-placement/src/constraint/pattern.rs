//! Regular expressions as values that can be compared, hashed and serialized.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex::Regex;
use serde::{Deserialize, Serialize};

/// A regular expression that must match the whole text, as in Marathon's `LIKE` and in the
/// master's offer constraints (RE2's FullMatch).
///
/// Patterns are equal if their texts are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles a regular expression in the syntax of the crate `regex`.
    ///
    /// # Errors
    /// [`InvalidPattern`] if the text is not a regular expression, or if the compiled expression
    /// would be larger than 10 MiB.
    pub fn new(text: impl Into<String>) -> Result<Pattern, InvalidPattern> {
        let text = text.into();
        // The expression alone first: `a)(b` would be valid between the parentheses. The line end
        // ends a comment of an expression with the flag x, which other expressions do not have.
        let compiled = Regex::new(&text).and_then(|_| {
            Regex::new(&format!(r"\A(?:{text})\z"))
                .or_else(|_| Regex::new(&format!("\\A(?:{text}\n)\\z")))
        });
        match compiled {
            Ok(regex) => Ok(Pattern { text, regex }),
            Err(error) => Err(InvalidPattern {
                pattern: text,
                error: Box::new(error),
            }),
        }
    }

    /// Whether the expression matches all of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Pattern, InvalidPattern> {
        Pattern::new(text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.text
    }
}

/// A text that is not a regular expression.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{pattern:?} is not a regular expression")]
pub struct InvalidPattern {
    pattern: String,
    #[source]
    error: Box<regex::Error>,
}
