//! Durations as Mesos writes them: `15mins`, `1.5secs`.

use std::time::Duration;

/// Mesos' units (`3rdparty/stout/include/stout/duration.hpp`) in nanoseconds.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("secs", 1e9),
    ("mins", 60e9),
    ("hrs", 3_600e9),
    ("days", 86_400e9),
    ("weeks", 604_800e9),
];

/// Parses a duration in Mesos' text form: a decimal number, followed directly by
/// one of the units `ns us ms secs mins hrs days weeks`.
///
/// ```
/// use std::time::Duration;
/// use mesos::executor::parse_duration;
///
/// assert_eq!(parse_duration("1.5secs"), Ok(Duration::from_millis(1500)));
/// assert!(parse_duration("15").is_err());
/// ```
///
/// # Errors
/// The text is not a duration, or the duration does not fit into Mesos' type. The
/// error has the text and the expected form.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let expected = || format!("expected a duration such as `15mins` or `1.5secs`, found `{text}`");
    let nanoseconds = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| factor)
        .ok_or_else(expected)?;
    let number: f64 = number.parse().map_err(|_| expected())?;
    let nanoseconds = number * nanoseconds;
    // Mesos stores durations as signed 64-bit nanoseconds.
    if nanoseconds >= i64::MAX as f64 {
        return Err(format!(
            "the duration `{text}` is longer than 2^63 nanoseconds, the maximum of Mesos"
        ));
    }
    Ok(Duration::from_nanos(nanoseconds.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_mesos_is_parsed() {
        for (text, seconds) in [
            ("1000000000ns", 1.0),
            ("1000000us", 1.0),
            ("1000ms", 1.0),
            ("5secs", 5.0),
            ("15mins", 900.0),
            ("1hrs", 3600.0),
            ("2days", 172_800.0),
            ("0.5weeks", 302_400.0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_invalid_duration_is_an_error_with_an_example() {
        for text in [
            "",
            "5",
            "secs",
            "5 secs",
            "-1secs",
            "1.2.3secs",
            "5sec",
            "1e9secs",
            "∞secs",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(
                error.contains("`15mins`") && error.contains(text),
                "{error}"
            );
        }
        assert!(
            parse_duration("99999999999weeks")
                .unwrap_err()
                .contains("longer")
        );
    }
}
