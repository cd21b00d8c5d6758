//! Control records: what a record of the control topic asks of the rule book, and of the deployment.
//!
//! The key of a rule's record is `customerId/alertId`, after `!suspend/` for a suspension. Other keys that begin with `!`
//! are the deployment's own: `!savepoint/{id}` asks for a savepoint, `!rule/{customerId}/{alertId}` puts a rule as it
//! stood in another deployment, with version and generation, and `!generation` with a number says from which generation
//! on new meanings are counted.

use std::sync::Arc;

use crate::book::{ActiveRule, Generation, RuleVersion};
use crate::id::{RuleKey, SavepointId};
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

/// What a record of the control topic says.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// A wish about a rule.
    Rule(Command),
    /// Every partition takes its part of this savepoint when it comes to this record.
    Savepoint(SavepointId),
    /// This rule is in force, as it stood in the deployment that this one was forked from.
    Carried(Arc<ActiveRule>),
    /// New meanings get generations from this one on.
    Generation(Generation),
}

const OWN: &[u8] = b"!";
const SAVEPOINT: &str = "!savepoint/";
const CARRIED: &str = "!rule/";
const GENERATION: &str = "!generation";

impl Control {
    /// Reads a control record.
    ///
    /// # Errors
    /// All problems of a malformed record; such a record changes nothing and becomes a dead letter.
    pub fn read(record: &CommandRecord<'_>) -> Result<Self, Invalid> {
        // A suspension is about a rule, and read with the other wishes about rules.
        let is_own = |key: &&[u8]| key.starts_with(OWN) && !key.starts_with(KEY_PREFIX.as_bytes());
        let Some(key) = record.key.filter(is_own) else {
            return Command::read(record).map(Self::Rule);
        };
        let wrong = |message: String| Invalid::from(key_problem(ProblemCode::OutOfRange, message));
        let key = std::str::from_utf8(key).map_err(|_| wrong("the record's key is no text".to_owned()))?;
        if let Some(id) = key.strip_prefix(SAVEPOINT) {
            let id = id.parse().map_err(|_| wrong("the savepoint's id is not a UUID".to_owned()))?;
            return Ok(Self::Savepoint(id));
        }
        let value = record.value.unwrap_or_default();
        if let Some(rule) = key.strip_prefix(CARRIED) {
            let rule = rule.parse().map_err(|_| wrong("the record's key is not a rule's".to_owned()))?;
            let active = ActiveRule::from_bytes(rule, value).map_err(|entry| wrong(entry.to_string()))?;
            return Ok(Self::Carried(Arc::new(active)));
        }
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        match number.filter(|_| key == GENERATION) {
            Some(generation) => Ok(Self::Generation(Generation(generation))),
            None => Err(wrong("the record's key is none that this version knows".to_owned())),
        }
    }

    /// The key of the record that asks for a savepoint; its value does not matter.
    pub fn savepoint_key(id: SavepointId) -> String {
        format!("{SAVEPOINT}{id}")
    }

    /// Key and value of the records that carry a rule book over, the counter of generations last.
    pub fn carry<'a>(
        entries: impl IntoIterator<Item = (RuleKey, &'a [u8])>,
        next: Generation,
    ) -> Vec<(String, Vec<u8>)> {
        let rule = |(key, entry): (RuleKey, &[u8])| (format!("{CARRIED}{key}"), entry.to_vec());
        let counter = (GENERATION.to_owned(), next.0.to_string().into_bytes());
        entries.into_iter().map(rule).chain([counter]).collect()
    }
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
    fn records_of_the_deployment_itself_have_keys_of_their_own() {
        let read = |key: &str, value: &str| {
            let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
            Control::read(&CommandRecord { key, value, expected_version: None })
        };
        let id = SavepointId::from_bytes([7; 16]);
        assert_eq!(read(&Control::savepoint_key(id), "").unwrap(), Control::Savepoint(id));
        assert!(matches!(read(KEY, RULE).unwrap(), Control::Rule(Command::Put { .. })));
        let Control::Rule(put) = read(KEY, &RULE.replace(r#", "expectedVersion": 2"#, "")).unwrap() else {
            panic!()
        };
        let mut book = crate::RuleBook::default();
        book.apply(put);
        let entries: Vec<_> = book.iter().map(|active| (active.rule.key, active.to_bytes())).collect();
        let entries = entries.iter().map(|(key, entry)| (*key, entry.as_slice()));
        let mut carried = crate::RuleBook::default();
        for (key, value) in Control::carry(entries, Generation(9)) {
            match read(&key, std::str::from_utf8(&value).unwrap()).unwrap() {
                Control::Carried(active) => drop(carried.carry(active)),
                Control::Generation(next) => carried.count_from(next),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(carried.next_generation(), Generation(9));
        assert!(carried.iter().eq(book.iter()));
        for (key, value) in [("!savepoint/x", ""), ("!rule/x", "{}"), ("!generation", "x"), ("!other", "1")] {
            assert!(read(key, value).is_err(), "{key}");
        }
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
