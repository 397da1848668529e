//! The API of one crate as a text file.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, Result, anyhow};

const HEAD: &str = "# Written by `cargo xtask api` with ";

/// The public items of a crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The versions of the tools. Other versions print the same API differently.
    pub(super) tools: String,
    /// One item a line, sorted by cargo-public-api.
    pub(super) items: Vec<String>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}{}", self.tools)?;
        self.items.iter().try_for_each(|item| writeln!(f, "{item}"))
    }
}

impl FromStr for Snapshot {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let tools = lines.next().and_then(|line| line.strip_prefix(HEAD));
        Ok(Self {
            tools: tools
                .ok_or_else(|| anyhow!("a snapshot does not begin with `{HEAD}`"))?
                .to_owned(),
            items: lines.map(str::to_owned).collect(),
        })
    }
}

/// The removed items with `- ` before each, then the added items with `+ `.
pub(super) fn differences(old: &[String], new: &[String]) -> Vec<String> {
    let only_in = |these: &[String], others: &[String], sign: char| {
        let mut others: Vec<&String> = others.iter().collect();
        others.sort();
        // An item can be listed more than once: each one listed pairs with one of the others.
        let mut these: Vec<&String> = these.iter().collect();
        these.sort();
        let mut others = others.into_iter().peekable();
        let mut only = Vec::new();
        for item in these {
            while others.next_if(|other| *other < item).is_some() {}
            if others.next_if_eq(&item).is_none() {
                only.push(format!("{sign} {item}"));
            }
        }
        only
    };
    let mut changed = only_in(old, new, '-');
    changed.extend(only_in(new, old, '+'));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| item.to_string()).collect()
    }

    #[test]
    fn a_written_snapshot_is_read_back() -> Result<()> {
        let snapshot = Snapshot {
            tools: "tool 1".to_owned(),
            items: items(&["pub mod a", "pub fn a::b()"]),
        };
        assert_eq!(snapshot.to_string().parse::<Snapshot>()?, snapshot);
        "pub mod a\n"
            .parse::<Snapshot>()
            .expect_err("the first line is missing");
        Ok(())
    }

    #[test]
    fn items_that_are_listed_twice_are_counted() {
        let (one, two) = (items(&["a", "b"]), items(&["b", "a", "b", "c"]));
        assert_eq!(differences(&one, &two), ["+ b", "+ c"]);
        assert_eq!(differences(&two, &one), ["- b", "- c"]);
        assert_eq!(differences(&one, &one), [""; 0]);
    }
}
