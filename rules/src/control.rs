//! Control records: what a record of the control topic asks of the rule book.

use crate::book::RuleVersion;
use crate::id::RuleKey;
use crate::problem::{Invalid, Problem, ProblemCode};
use crate::rule::Rule;
use crate::suspension::{KEY_PREFIX, Suspend};
use crate::wire::read_rule;

/// The record header with the version that the writer expects, in decimal digits; wins over the field of that name.
pub const EXPECTED_VERSION_HEADER: &str = "expected-version";

/// The parts of a control record that mean something.
#[derive(Debug, Clone, Copy)]
pub struct CommandRecord<'a> {
    /// `customerId/alertId`; may be absent where the value names the rule.
    pub key: Option<&'a [u8]>,
    /// The rule as JSON, or nothing: a tombstone deletes the rule of the key.
    pub value: Option<&'a [u8]>,
    /// The header [`EXPECTED_VERSION_HEADER`].
    pub expected_version: Option<&'a [u8]>,
}

/// A well-formed wish. Whether it is granted is the rule book's decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Put this rule in force.
    Put {
        /// The rule.
        rule: Box<Rule>,
        /// Only if this is the version in force; 0 means only if there is none.
        expected: Option<RuleVersion>,
    },
    /// Take the rule out of force.
    Delete {
        /// Which rule.
        key: RuleKey,
        /// Only if this is the version in force.
        expected: Option<RuleVersion>,
    },
    /// Take the rule out of force for one customer, until it is written again. Only workers ask for it.
    Suspend(Suspend),
}

impl Command {
    /// Reads a control record.
    ///
    /// # Errors
    /// All problems of a malformed record; such a record changes nothing and becomes a dead letter.
    pub fn read(record: &CommandRecord<'_>) -> Result<Self, Invalid> {
        if let Some(rule) = record.key.and_then(|key| key.strip_prefix(KEY_PREFIX.as_bytes())) {
            let missing = || key_problem(ProblemCode::MissingField, "a suspension needs a value".to_owned());
            return Suspend::read(read_key(rule)?, record.value.ok_or_else(missing)?).map(Self::Suspend);
        }
        let key = record.key.map(read_key).transpose()?;
        let expected = record.expected_version.map(read_version).transpose()?;
        let Some(value) = record.value else {
            let missing = "a tombstone needs a key".to_owned();
            let key = key.ok_or_else(|| key_problem(ProblemCode::MissingField, missing))?;
            return Ok(Self::Delete { key, expected });
        };
        let (rule, in_value) = read_rule(value, None)?;
        if key.is_some_and(|key| key != rule.key) {
            let message = "the record's key names another rule than its value".to_owned();
            return Err(key_problem(ProblemCode::KeyMismatch, message).into());
        }
        Ok(Self::Put { rule: Box::new(rule), expected: expected.or(in_value) })
    }

    /// The rule that the command is about.
    pub fn key(&self) -> RuleKey {
        match self {
            Self::Put { rule, .. } => rule.key,
            Self::Delete { key, .. } => *key,
            Self::Suspend(suspend) => suspend.key,
        }
    }
}

fn read_key(bytes: &[u8]) -> Result<RuleKey, Problem> {
    let key = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    key.ok_or_else(|| key_problem(ProblemCode::OutOfRange, "the record's key is not a rule's".to_owned()))
}

fn read_version(bytes: &[u8]) -> Result<RuleVersion, Problem> {
    let version = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    version.map(RuleVersion).ok_or_else(|| Problem {
        code: ProblemCode::WrongType,
        pointer: String::new(),
        place: None,
        message: format!("the header `{EXPECTED_VERSION_HEADER}` is not a number"),
        expected: "decimal digits".to_owned(),
    })
}

fn key_problem(code: ProblemCode, message: String) -> Problem {
    Problem {
        code,
        pointer: String::new(),
        place: None,
        message,
        expected: "the key `customerId/alertId`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34/b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";
    const RULE: &str = r#"{"customerId": "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34",
        "alertId": "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10", "alertName": "a", "match": "$.a", "expectedVersion": 2}"#;

    fn read(key: Option<&str>, value: Option<&str>, version: Option<&str>) -> Result<Command, Invalid> {
        Command::read(&CommandRecord {
            key: key.map(str::as_bytes),
            value: value.map(str::as_bytes),
            expected_version: version.map(str::as_bytes),
        })
    }

    #[test]
    fn a_value_puts_a_rule_and_a_tombstone_deletes_it() {
        let Command::Put { rule, expected } = read(Some(KEY), Some(RULE), None).unwrap() else { panic!() };
        assert_eq!((rule.key.to_string().as_str(), expected), (KEY, Some(RuleVersion(2))));
        let delete = read(Some(KEY), None, Some("7")).unwrap();
        assert_eq!(delete, Command::Delete { key: KEY.parse().unwrap(), expected: Some(RuleVersion(7)) });
    }

    #[test]
    fn the_header_wins_over_the_field_and_the_key_may_be_absent() {
        let Command::Put { expected, .. } = read(None, Some(RULE), Some("9")).unwrap() else { panic!() };
        assert_eq!(expected, Some(RuleVersion(9)));
    }

    #[test]
    fn a_suspension_reads_as_it_was_written() {
        let key = format!("!suspend/{KEY}");
        let read = |key: &str, value: Option<&[u8]>| {
            Command::read(&CommandRecord { key: Some(key.as_bytes()), value, expected_version: None })
        };
        let text = br#"{"version":4,"generation":9,"customerId":"9f20f8a4-d8c8-4a74-ac90-3452b97c2e34","reason":"stepBudget","since":"1970-01-01T00:00:01.000Z","partition":3,"offset":17}"#;
        let Command::Suspend(suspend) = read(&key, Some(text)).unwrap() else { panic!() };
        assert_eq!(
            (suspend.record_key(), suspend.to_bytes()),
            (key.clone(), text.to_vec()),
            "the format is fixed"
        );
        assert_eq!((suspend.key.to_string().as_str(), suspend.version), (KEY, RuleVersion(4)));
        for (key, value) in
            [("!other/x", Some(&text[..])), (&key, None), (&key, Some(&text[1..])), (KEY, Some(text))]
        {
            assert!(read(key, value).is_err());
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        let cases = [
            (None, None, None, ProblemCode::MissingField),
            (Some("nonsense"), Some(RULE), None, ProblemCode::OutOfRange),
            (Some(KEY), Some(RULE), Some("x"), ProblemCode::WrongType),
            (Some(KEY), Some("{"), None, ProblemCode::NotJson),
        ];
        for (key, value, version, code) in cases {
            assert_eq!(read(key, value, version).unwrap_err().problems[0].code, code);
        }
        let other = KEY.replace("4c10", "4c11");
        assert_eq!(
            read(Some(&other), Some(RULE), None).unwrap_err().problems[0].code,
            ProblemCode::KeyMismatch
        );
    }
}
