//! The header of PAX: records `LENGTH KEY=VALUE\n`.

use anyhow::{Context as _, Result, bail, ensure};

/// The records that matter. Owners, ACLs and extended attributes are not restored, as in Mesos.
#[derive(Debug, Default)]
pub(crate) struct Pax {
    /// Whether there was a header at all.
    pub(crate) any: bool,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    /// The length of the stored content, in bytes.
    pub(crate) size: Option<u64>,
    pub(crate) modified: Option<(i64, u32)>,
    pub(crate) sparse: Sparse,
}

/// The records of GNU tar for sparse members.
#[derive(Debug, Default)]
pub(crate) struct Sparse {
    /// The version 1.0, in which the map is in front of the content.
    pub(crate) major: Option<u64>,
    pub(crate) minor: Option<u64>,
    /// The length of the file, in bytes.
    pub(crate) length: Option<u64>,
    /// The map of the versions 0.0 and 0.1: places and lengths in turn.
    pub(crate) numbers: Vec<u64>,
    pub(crate) has_map: bool,
}

impl Pax {
    pub(crate) fn parse(mut text: &[u8]) -> Result<Self> {
        let mut pax = Self {
            any: true,
            ..Self::default()
        };
        let mut name = None;
        while !text.is_empty() {
            let (key, value, rest) = record(text).context("the PAX header is damaged")?;
            text = rest;
            pax.set(key, value, &mut name).with_context(|| {
                format!("the PAX record {:?} is wrong", String::from_utf8_lossy(key))
            })?;
        }
        // The other path is a made-up name for programs that do not know sparse members.
        pax.path = name.or(pax.path);
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8], name: &mut Option<Vec<u8>>) -> Result<()> {
        match key {
            // An empty path does not replace the path of the header.
            b"path" if !value.is_empty() => self.path = Some(value.to_vec()),
            b"linkpath" if !value.is_empty() => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(number(value)?),
            b"mtime" => self.modified = Some(time(value)?),
            b"GNU.sparse.name" => *name = Some(value.to_vec()),
            b"GNU.sparse.major" => self.sparse.major = Some(number(value)?),
            b"GNU.sparse.minor" => self.sparse.minor = Some(number(value)?),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" | b"SCHILY.realsize" => {
                self.sparse.length = Some(number(value)?);
            }
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                self.sparse.has_map = true;
                self.sparse.numbers.push(number(value)?);
            }
            b"GNU.sparse.map" => {
                self.sparse.has_map = true;
                let numbers = value
                    .split(|byte| *byte == b',')
                    .filter(|part| !part.is_empty());
                self.sparse.numbers = numbers.map(number).collect::<Result<_>>()?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The key and the value of the first record, and the rest.
fn record(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = text.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&text[..blank]).ok()?).ok()?;
    let record = text.get(blank + 1..length)?;
    let (key_and_value, end) = record.split_at_checked(record.len().checked_sub(1)?)?;
    let equals = key_and_value.iter().position(|byte| *byte == b'=')?;
    if end != b"\n" {
        return None;
    }
    Some((
        &key_and_value[..equals],
        &key_and_value[equals + 1..],
        &text[length..],
    ))
}

pub(crate) fn number(digits: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(digits).unwrap_or("?");
    // parse() alone accepts a sign.
    ensure!(
        text.bytes().all(|byte| byte.is_ascii_digit()),
        "{text:?} is not a number"
    );
    text.parse()
        .with_context(|| format!("{text:?} is not a number"))
}

/// Seconds since 1970, which can be negative and can have a fraction.
fn time(value: &[u8]) -> Result<(i64, u32)> {
    let text = std::str::from_utf8(value).context("a time is not text")?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(whole) = seconds.parse::<i64>() else {
        bail!("{text:?} is not a time");
    };
    let mut nanoseconds = 0;
    let digits = fraction.bytes().take(9).take_while(u8::is_ascii_digit);
    for (digit, place) in digits.zip((0..9).rev()) {
        nanoseconds += u32::from(digit - b'0') * 10_u32.pow(place);
    }
    // The fraction of a negative time goes further back.
    if seconds.starts_with('-') && nanoseconds > 0 {
        return Ok((whole.saturating_sub(1), 1_000_000_000 - nanoseconds));
    }
    Ok((whole, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_may_contain_newlines_and_equals_signs() {
        let pax = Pax::parse(b"14 path=a\nb=c\n13 comment=x\n").expect("is right");
        assert_eq!(pax.path.as_deref(), Some(&b"a\nb=c"[..]));
    }

    #[test]
    fn records_with_a_wrong_length_are_refused() {
        for text in [
            "9 path=x",
            "99 path=x\n",
            "0 path=x\n",
            "path=x\n",
            "9 pathxx\n",
            "-9 path=x\n",
        ] {
            assert!(Pax::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_have_nanoseconds_also_before_1970() {
        for (text, expected) in [
            ("1600000000.123456789", (1_600_000_000, 123_456_789)),
            ("5", (5, 0)),
            ("5.5", (5, 500_000_000)),
            ("-1.25", (-2, 750_000_000)),
            ("1.1234567899", (1, 123_456_789)),
        ] {
            assert_eq!(time(text.as_bytes()).ok(), Some(expected), "{text}");
        }
        assert!(time(b"now").is_err());
    }
}
