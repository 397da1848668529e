//! Extracts the text that is checked from a file, with the line that each part comes from.

use std::borrow::Cow;

/// The text of one file.
#[derive(Debug)]
pub(super) struct Text {
    /// Lines of one paragraph are joined by a space, so that a wrapped phrase is found.
    pub(super) joined: String,
    /// Where each line begins in `joined`.
    starts: Vec<usize>,
}

/// Where a language has its text.
#[derive(Clone, Copy, Debug)]
enum Language {
    /// Everything is checked: `//` comments, strings and names.
    Slashes,
    /// Prose is checked, without inline code and quotations: these can be old names or examples
    /// of what not to write.
    Markdown,
    /// Only `#` comments are checked.
    Hashes,
}

impl Language {
    fn of_file(name: &str) -> Option<Self> {
        let base = name.rsplit('/').next().unwrap_or(name);
        if base == ".gitignore" || name == ".ci/run" {
            return Some(Self::Hashes);
        }
        match base.rsplit_once('.')?.1 {
            "rs" | "proto" | "cpp" | "hpp" | "h" => Some(Self::Slashes),
            "md" => Some(Self::Markdown),
            "toml" | "sh" => Some(Self::Hashes),
            _ => None,
        }
    }

    fn text_of(self, line: &str) -> Cow<'_, str> {
        let line = line.trim();
        Cow::Borrowed(match self {
            Self::Slashes => match line.strip_prefix("//") {
                Some(comment) => comment.trim_start_matches(['/', '!']).trim(),
                None => line.strip_suffix('\\').unwrap_or(line).trim_end(),
            },
            Self::Markdown => {
                let line = line.trim_start_matches(['>', ' ']);
                return Cow::Owned(without_quoted(&without_quoted(line, '`'), '"'));
            }
            Self::Hashes => match line.strip_prefix('#') {
                Some(comment) => comment.trim_start_matches('#').trim(),
                None => line
                    .split_once(" #")
                    .map_or("", |(_, comment)| comment.trim()),
            },
        })
    }
}

/// The line without the text between each pair of `mark`s.
fn without_quoted(line: &str, mark: char) -> String {
    let parts: Vec<_> = line.split(mark).collect();
    let last = parts.len() - 1;
    let kept = parts.iter().enumerate().filter(|(index, _)| {
        // A last part after an unpaired mark is not quoted.
        index % 2 == 0 || *index == last
    });
    kept.map(|(_, part)| *part).collect::<Vec<_>>().join("…")
}

impl Text {
    /// `None` for a file of a language that is not checked.
    pub(super) fn of_file(name: &str, content: &str) -> Option<Self> {
        let language = Language::of_file(name)?;
        let mut joined = String::with_capacity(content.len());
        let mut starts = Vec::new();
        for line in content.lines() {
            starts.push(joined.len());
            let line = language.text_of(line);
            if line.is_empty() {
                // Ends the paragraph: no phrase matches across a line end.
                joined.push('\n');
            } else {
                joined.push_str(&line);
                joined.push(' ');
            }
        }
        Some(Self { joined, starts })
    }

    /// The number, from 1, of the line that holds this place of `joined`.
    pub(super) fn line_at(&self, place: usize) -> usize {
        self.starts.partition_point(|start| *start <= place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(name: &str, content: &str) -> String {
        Text::of_file(name, content).expect("is checked").joined
    }

    #[test]
    fn comment_markers_are_removed_and_lines_are_joined() {
        assert_eq!(
            joined("a.rs", "//! One\n//! two.\n//!\n/// Three\n"),
            "One two. \nThree "
        );
        assert_eq!(joined("a.proto", "// One\n//two\n"), "One two ");
        assert_eq!(
            joined("a.md", "> One\n> two\n\nThree\n"),
            "One two \nThree "
        );
    }

    #[test]
    fn code_and_quotations_of_markdown_are_removed() {
        assert_eq!(
            joined("a.md", "Write `one` and `two`, not \"three\" and \"four\n"),
            "Write … and …, not … and …four "
        );
    }

    #[test]
    fn a_string_that_continues_on_the_next_line_is_joined() {
        assert_eq!(joined("a.rs", "\"one \\\n    two\"\n"), "\"one two\" ");
    }

    #[test]
    fn a_place_has_the_line_it_comes_from() {
        let text = Text::of_file("a.rs", "// one\n\n// two\n").expect("is checked");
        assert_eq!(text.line_at(0), 1);
        let place = text.joined.find("two").expect("is in the text");
        assert_eq!(text.line_at(place), 3);
    }
}
