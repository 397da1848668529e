//! Finds in the log of the cluster process the reason why it ended.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The number of lines to quote if no line states the reason.
const LAST_LINES: usize = 5;

/// The reason in the log from `offset` on, else the log's last lines.
pub(crate) fn reason(log: &Path, offset: u64) -> String {
    let text = tail(log, offset).unwrap_or_default();
    // The formats of Mesos' `EXIT(EXIT_FAILURE) << …` and of glog's fatal messages.
    let stated = text.lines().rev().find_map(|line| {
        let after = |mark: &str| line.split_once(mark).map(|(_, reason)| reason.to_owned());
        let fatal = line.starts_with('F') && line[1..].starts_with(|c: char| c.is_ascii_digit());
        after("EXIT with status 1: ").or_else(|| if fatal { after("] ") } else { None })
    });
    stated.unwrap_or_else(|| {
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    })
}

fn tail(log: &Path, offset: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_in(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("its text");
        reason(file.path(), 0)
    }

    #[test]
    fn the_reason_is_the_line_with_which_mesos_exits() {
        let exit =
            "I1 a\nE1122 1:1 1 local.cpp:214] EXIT with status 1: Failed to load flag 'x'\nI1 b\n";
        assert_eq!(reason_in(exit), "Failed to load flag 'x'");
        let fatal =
            "F1122 1:1 1 process.cpp:1124] Failed to initialize: in use\n*** Check failure ***\n";
        assert_eq!(reason_in(fatal), "Failed to initialize: in use");
    }

    #[test]
    fn without_a_reason_the_last_lines_are_quoted() {
        assert_eq!(reason_in("1\n2\n3\n4\n5\n6\n"), "2\n3\n4\n5\n6");
        assert_eq!(reason_in(""), "");
        assert_eq!(reason_in("Für"), "Für");
    }
}
