//! Parsing the text form: `cpus:1;mem:32;ports:[31000-31005,32000-32010];disks:{a,b};cpus(role):2`.
//!
//! The form of the agent's flag `--resources` (docs/attributes-resources.md):
//! ```text
//! resources = resource { ";" resource }
//! resource  = name [ "(" role ")" ] ":" ( number | ranges | set )
//! ranges    = "[" [ begin "-" end { "," begin "-" end } ] "]"
//! set       = "{" [ item { "," item } ] "}"
//! ```
//! Blanks are allowed around each part. Parts between `;` and between `,` can be empty. A repeated
//! resource is added up. Zero, `[]` and `{}` are accepted and add nothing. One name has one type.
//! Overlapping ranges are joined. `{}` alone means no resources, because that is how they are
//! printed.
//!
//! Mesos reads each accepted text the same way (`Resources::fromSimpleString` in
//! src/v1/resources.cpp and `parse` in src/v1/values.cpp). The exceptions are `{}` alone, and tabs
//! and line ends in values, which Mesos does not skip everywhere. The reverse is not true: Mesos
//! also accepts mistakes, which are errors here: `[1,2]` (the range 1-2 in Mesos), `1 0` (10), `{a
//! b}` (the item ab), `cpus::1`, `cpus(web)x:1`, `0x10`, and `cpus{REV}:1`, which is how Mesos
//! prints revocable cpus and which it reads as a resource named `cpus{REV}`.

use std::collections::HashMap;
use std::str::FromStr;

use mesos_proto::v1::resource::{ReservationInfo, reservation_info};
use mesos_proto::v1::{Resource, value};

use super::arithmetic::is_nothing;
use super::identity::Entry;
use super::{Ranges, Resources, Scalar, Set, normalize, roles};

impl FromStr for Resources {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Resources, ParseError> {
        Resources::parse_for_role(text, "*")
    }
}

impl Resources {
    /// Parses the text form. Resources without a role are statically reserved for `role`. `*` means
    /// unreserved, which is the default of `text.parse()`.
    ///
    /// ```
    /// use mesos::resources::Resources;
    ///
    /// let some = Resources::parse_for_role("cpus:1;mem(*):32", "web")?;
    /// assert_eq!(some.to_string(), "cpus(web):1; mem:32");
    ///
    /// let error = "cpus:1;ports:[31000]".parse::<Resources>().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     r#"cannot parse resources at character 15: found "31000"; write a range with both ends: [31000-31000]"#,
    /// );
    /// # Ok::<(), mesos::resources::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// [`ParseError`] with the position, the text at this position, and what to write instead.
    pub fn parse_for_role(text: &str, role: &str) -> Result<Resources, ParseError> {
        parse(Piece { text, offset: 0 }, role).map_err(|fault| {
            let before = text.get(..fault.offset).unwrap_or(text);
            ParseError {
                character: before.chars().count() + 1,
                fault,
            }
        })
    }
}

/// A text that does not have the form of resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse resources at character {character}: found {:?}; {}", .fault.found, .fault.advice)]
pub struct ParseError {
    character: usize,
    fault: Fault,
}

impl ParseError {
    /// The position in characters, from 1.
    pub fn character(&self) -> usize {
        self.character
    }

    /// The position in bytes, from 0.
    pub fn offset(&self) -> usize {
        self.fault.offset
    }

    /// The text at the position; empty at the end of the text.
    pub fn found(&self) -> &str {
        &self.fault.found
    }

    /// What to write instead.
    pub fn advice(&self) -> &str {
        &self.fault.advice
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    offset: usize,
    found: String,
    advice: String,
}

/// Whether the role can be written between the parentheses of the text form.
pub(super) fn is_role_in_text(role: &str) -> bool {
    !role.contains([':', ';', '(', ')'])
}

/// A part of the text with its position.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Piece<'a> {
    fn trim(self) -> Piece<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        Piece {
            text: self.text.trim(),
            offset: self.offset + start,
        }
    }

    /// The part from one byte position to another, trimmed.
    fn part(self, from: usize, to: usize) -> Piece<'a> {
        Piece {
            text: &self.text[from..to],
            offset: self.offset + from,
        }
        .trim()
    }

    /// The parts between separators, trimmed.
    fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut offset = self.offset;
        self.text.split(separator).map(move |text| {
            let piece = Piece { text, offset };
            offset += text.len() + separator.len_utf8();
            piece.trim()
        })
    }

    fn split_once(self, separator: char) -> Option<(Piece<'a>, Piece<'a>)> {
        let at = self.text.find(separator)?;
        Some((
            self.part(0, at),
            self.part(at + separator.len_utf8(), self.text.len()),
        ))
    }

    fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    fn fault(self, advice: impl Into<String>) -> Fault {
        Fault {
            offset: self.offset,
            found: self.text.to_owned(),
            advice: advice.into(),
        }
    }
}

fn parse(text: Piece<'_>, default_role: &str) -> Result<Resources, Fault> {
    roles::validate(default_role).map_err(|invalid| {
        Piece {
            text: default_role,
            offset: 0,
        }
        .fault(format!("invalid default role: {invalid}"))
    })?;
    let text = text.trim();
    if text.text.starts_with('[') || (text.text.starts_with('{') && text.text != "{}") {
        return Err(text.part(0, 1).fault(
            "write name:value pairs, as in cpus:1;mem:32; deserialize JSON into resource messages, and \
             convert them by Resources::try_from",
        ));
    }
    let mut sum = Resources::new();
    let mut types = HashMap::new();
    for piece in text
        .split(';')
        .filter(|piece| !piece.is_empty() && text.text != "{}")
    {
        let resource = parse_resource(piece, default_role)?;
        // The parts are valid one by one. This checks the whole resource, as for every message.
        let entry =
            Entry::new(normalize(resource).map_err(|invalid| piece.fault(invalid.to_string()))?);
        if is_nothing(&entry) {
            continue;
        }
        let r#type = entry.resource.r#type();
        let first = *types.entry(entry.resource.name.clone()).or_insert(r#type);
        if first != r#type {
            let (first, r#type) = (first.as_str_name(), r#type.as_str_name());
            return Err(piece.fault(format!(
                "the same name has the type {first} before and {type} here; use two names"
            )));
        }
        sum.insert(entry);
    }
    Ok(sum)
}

fn parse_resource(piece: Piece<'_>, default_role: &str) -> Result<Resource, Fault> {
    let Some((key, value)) = piece.split_once(':') else {
        return Err(piece.fault("write a value after the name, as in cpus:1"));
    };
    if let Some(at) = value.text.find(':') {
        let rest = value.part(at, value.text.len());
        return Err(rest.fault("a resource has one colon; write a semicolon between two resources"));
    }
    let (name, role) = parse_key(key, default_role)?;
    let mut resource = Resource {
        name: name.to_owned(),
        ..Resource::default()
    };
    if role != "*" {
        resource.reservations.push(ReservationInfo {
            r#type: Some(reservation_info::Type::Static.into()),
            role: Some(role.to_owned()),
            ..ReservationInfo::default()
        });
    }
    parse_value(value, &mut resource)?;
    Ok(resource)
}

/// The name and the role of `name` or `name(role)`.
fn parse_key<'a>(key: Piece<'a>, default_role: &'a str) -> Result<(&'a str, &'a str), Fault> {
    let end = key.text.len();
    let (name, role) = match (key.text.find('('), key.text.find(')')) {
        (None, None) => (key, default_role),
        // Mesos would accept a role with a second parenthesis, and could not read it again after
        // printing.
        (Some(open), Some(close)) if open < close && key.text.rfind('(') == Some(open) => {
            let (role, rest) = (key.part(open + 1, close), key.part(close + 1, end));
            if !rest.is_empty() {
                return Err(rest.fault("write a colon and the value next, as in cpus(role):1"));
            }
            roles::validate(role.text).map_err(|invalid| role.fault(invalid.to_string()))?;
            (key.part(0, open), role.text)
        }
        _ => return Err(key.fault("write the role in one pair of parentheses, as in cpus(role):1")),
    };
    if name.is_empty() {
        return Err(key.fault("write the name of the resource first, as in cpus:1"));
    }
    if name.text.contains(['[', ']', '{', '}', '<', '>']) {
        return Err(name.fault(
            "a name cannot contain brackets; volumes and revocable or shared resources cannot be written as text",
        ));
    }
    Ok((name.text, role))
}

fn parse_value(value: Piece<'_>, resource: &mut Resource) -> Result<(), Fault> {
    let inside = |close: char| match value.text.strip_suffix(close) {
        Some(_) => Ok(value.part(1, value.text.len() - 1)),
        None => Err(value.fault(format!("end it with {close}"))),
    };
    if value.text.starts_with('[') {
        resource.set_type(value::Type::Ranges);
        resource.ranges = Some(parse_ranges(inside(']')?)?.into());
    } else if value.text.starts_with('{') {
        resource.set_type(value::Type::Set);
        resource.set = Some(parse_set(inside('}')?)?.into());
    } else {
        resource.set_type(value::Type::Scalar);
        resource.scalar = Some(value::Scalar {
            value: parse_scalar(value)?.to_f64(),
        });
    }
    Ok(())
}

fn parse_scalar(value: Piece<'_>) -> Result<Scalar, Fault> {
    if value.is_empty() {
        return Err(value.fault("write a value after the colon, as in cpus:1"));
    }
    let number: f64 = value.text.parse().map_err(|_| {
        value.fault(
            "write a number such as 0.5, ranges such as [31000-31005], or a set such as {a,b}",
        )
    })?;
    Scalar::from_f64(number).map_err(|invalid| value.fault(invalid.to_string()))
}

fn parse_ranges(inside: Piece<'_>) -> Result<Ranges, Fault> {
    let number = |piece: Piece<'_>| {
        piece.text.parse::<u64>().map_err(|_| {
            piece.fault(format!(
                "write a whole number from 0 to {}, on either side of a dash",
                u64::MAX
            ))
        })
    };
    let range = |piece: Piece<'_>| {
        let Some((begin, end)) = piece.split_once('-') else {
            return Err(piece.fault(match number(piece) {
                Ok(alone) => format!("write a range with both ends: [{alone}-{alone}]"),
                Err(_) => "write a range such as 31000-31005".to_owned(),
            }));
        };
        let (begin, end) = (number(begin)?, number(end)?);
        if begin > end {
            return Err(piece.fault(format!("write the lower end first: {end}-{begin}")));
        }
        Ok(begin..=end)
    };
    inside
        .split(',')
        .filter(|piece| !piece.is_empty())
        .map(range)
        .collect()
}

fn parse_set(inside: Piece<'_>) -> Result<Set, Fault> {
    let mut items: Vec<Piece<'_>> = inside
        .split(',')
        .filter(|piece| !piece.is_empty())
        .collect();
    let forbidden = |c: char| c.is_whitespace() || "[]{}()".contains(c);
    if let Some(item) = items.iter().find(|item| item.text.contains(forbidden)) {
        return Err(item.fault(
            "an item cannot contain blanks, brackets or parentheses; write commas between items, as in {a,b}",
        ));
    }
    items.sort_by_key(|item| (item.text, item.offset));
    if let Some(twice) = items.windows(2).find(|pair| pair[0].text == pair[1].text) {
        return Err(twice[1].fault("the item is in the set already; write it once"));
    }
    Ok(items.into_iter().map(|item| item.text.to_owned()).collect())
}
