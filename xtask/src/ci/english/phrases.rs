//! The rejected phrases, and what to write instead.

use anyhow::{Context, Result};
use regex::Regex;

/// Phrases as regular expressions, each with its replacement. A space also matches `_`, so that
/// names are checked too. The pattern of `none` has neither that nor `(?i)`, because of `is_none`
/// and `None`.
const PHRASES: [(&str, &str); 26] = [
    (
        r"(?i)(\bthere |\b)(is|are|was|were) no( [a-z0-9]+|-op|\b)",
        "`is not a …`",
    ),
    (
        r"\b(is|are|was|were)\x20none\b",
        "`is not …` or `does not exist`",
    ),
    (r"(?i)\bfor ever\b", "`forever` or `indefinitely`"),
    (r"(?i)\banew\b", "`again`"),
    (r"(?i)\bof one's own\b", "`custom` or `own`"),
    (r"(?i)\bwithout a word\b", "`silently`"),
    (r"(?i)\bbe it that\b", "`if` or `unless`"),
    (r"(?i)\bnews\b", "`leader change` or `update`"),
    (r"(?i)\bwhom\b", "a sentence without it"),
    (r"(?i)(^|[^'\w])libmesos'(\s|[^\w\s])", "`libmesos's`"),
    (r"(?i)\b(keeps?|kept|keeping) book\b", "`tracks`"),
    (
        r"(?i)\b(is|are|was|were) worth\b",
        "what it does: `is dead`, `is useful for`",
    ),
    (r"(?i)\bso many\b", "the number or the limit"),
    (r"(?i)\bwhat came of\b", "`the result of`"),
    (r"(?i)\blives? with\b", "`accepts`"),
    (r"(?i)behaviour", "`behavior`"),
    (r"(?i)licence", "`license`"),
    (
        r"(?i)(colour|neighbour|honour|favour|rumour|endeavour|humour|labour)",
        "`-or`",
    ),
    (
        r"(?i)(^|[^\w.])(cancelled|cancelling)\b",
        "`canceled` or `canceling`",
    ),
    (
        r"(?i)\b\w*(labell|modell|signall|travell|channell|tunnell)(ed|ing|er)",
        "a single `l`",
    ),
    (r"(?i)\b\w*[a-z]{2}isations?\b", "`-ization`"),
    (
        r"(?i)(author|canonical|custom|final|general|initial|maxim|minim|normal|optim|organ|priorit|random|recogn|serial|special|standard|summar|synchron|tokenis|util|visual)is(e[drs]?|ing)",
        "`-ize`",
    ),
    (
        r"(?i)\b(analys(e|ed|er|ing)|artefacts?|catalogues?|dialogues?)\b",
        "the American spelling",
    ),
    (
        r"(?i)\b(fulfil|fulfils|fulfilment|skilful|enrol|instalment)\b",
        "the American spelling: `ll`",
    ),
    (
        r"(?i)\b(centred?|defence|offence|judgement|grey|programmes?)\b",
        "the American spelling",
    ),
    (
        r"(?i)\b(learnt|spelt|whilst|amongst)\b",
        "the American form: `learned`, `while`, …",
    ),
];

/// Matches of a pattern that are plain English or code.
const ALLOWED: [&str; 13] = [
    "there is no",
    "there are no",
    "there was no",
    "there were no",
    "no longer",
    "no more",
    "no less",
    "no later",
    "no earlier",
    "no-op",
    "no op",
    "no different",
    "no matter",
];

/// The patterns, compiled.
pub(super) struct Phrases(Vec<(Regex, &'static str)>);

/// One rejected phrase.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Where it begins in the text.
    pub(super) start: usize,
    pub(super) phrase: &'a str,
    pub(super) instead: &'static str,
}

impl Phrases {
    /// # Errors
    /// A pattern that is not a regular expression.
    pub(super) fn new() -> Result<Self> {
        let compiled = PHRASES.iter().map(|(pattern, instead)| {
            // The ASCII boundary is several times faster than the Unicode one.
            let in_names = pattern
                .replace(' ', "[ _]")
                .replace(r"\b", r"(?:(?-u:\b)|_)");
            let regex = Regex::new(&in_names).with_context(|| format!("invalid `{pattern}`"))?;
            Ok((regex, *instead))
        });
        Ok(Self(compiled.collect::<Result<_>>()?))
    }

    /// The rejected phrases of a text, in the order of the patterns.
    pub(super) fn find<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Found<'a>> {
        self.0.iter().flat_map(move |(regex, instead)| {
            regex
                .find_iter(text)
                .filter(|found| !is_allowed(found.as_str()))
                .map(move |found| {
                    let phrase = found.as_str();
                    let leading = phrase.len() - phrase.trim_start().len();
                    Found {
                        start: found.start() + leading,
                        phrase: phrase.trim_matches([' ', '\n', '_']),
                        instead,
                    }
                })
        })
    }
}

fn is_allowed(phrase: &str) -> bool {
    let phrase = phrase.to_lowercase().replace('_', " ");
    ALLOWED.iter().any(|allowed| phrase.contains(allowed))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn phrases(text: &str) -> Vec<String> {
        static PHRASES: LazyLock<Phrases> =
            LazyLock::new(|| Phrases::new().expect("the patterns are valid"));
        let found = PHRASES.find(text);
        found.map(|found| found.phrase.to_owned()).collect()
    }

    #[test]
    fn every_rejected_habit_is_found() {
        for (text, phrase) in [
            ("What answers is no Mesos.", "is no Mesos"),
            ("Both are no messages.", "are no messages"),
            ("It was no leader.", "was no leader"),
            ("Bytes that are none.", "are none"),
            ("waits for ever", "for ever"),
            ("start anew", "anew"),
            ("a detector of one's own", "of one's own"),
            ("stops without a word", "without a word"),
            ("be it that it fails", "be it that"),
            ("when there are news", "news"),
            ("whom to believe", "whom"),
            ("libmesos' driver", "libmesos'"),
            ("a thread of libmesos', held", "libmesos',"),
            ("it keeps book", "keeps book"),
            ("the stream is worth nothing", "is worth"),
            ("after so many seconds", "so many"),
            ("what came of each", "what came of"),
            ("it lives with both", "lives with"),
            ("struct MasterBehaviour;", "Behaviour"),
            ("the Licence", "Licence"),
            ("a neighbour", "neighbour"),
            ("it was cancelled", "cancelled"),
            ("a labelled task", "labelled"),
            ("the initialisation", "initialisation"),
            ("fn normalised()", "normalise"),
            ("unrecognised", "recognise"),
            ("an artefact", "artefact"),
            ("the grey one", "grey"),
            ("fn it_waits_for_ever()", "for_ever"),
            ("fn what_is_no_mesos_is_refused()", "is_no_mesos"),
        ] {
            assert_eq!(phrases(text).len(), 1, "{text}");
            assert!(
                phrases(text)[0].trim_matches('_').starts_with(phrase),
                "{text}: {:?}",
                phrases(text)
            );
        }
    }

    #[test]
    fn plain_english_and_code_are_not_found() {
        for text in [
            "it is no longer there",
            "it is no more than a hint",
            "fn there_is_no_leader()",
            "there is no leader",
            "There are no tasks.",
            "the call is no-op",
            "is None",
            "the value is_none()",
            "'libmesos' is a library",
            "libmesos's driver",
            "`libmesos`",
            "error.is_cancelled()",
            "token.cancelled().await",
            "the behavior, license, color and neighbor",
            "a promise, otherwise a noise; precisely, an exercise",
            "the analysis",
            "canceled, modeled, killing, called",
            "the newsletter renewed",
        ] {
            assert_eq!(phrases(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_phrase_is_not_found_across_paragraphs() {
        assert_eq!(phrases("what it is \nno Mesos"), [""; 0]);
    }
}
