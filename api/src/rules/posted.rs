//! A rule as it was posted, made into a control record: checked exactly as every reader of the topic will check it.
//!
//! The text goes into the topic as it came, the original control message unchanged; only ids that were left out are
//! added, in the text, so that no number is rewritten on the way.

use std::collections::BTreeMap;

use bytes::Bytes;
use ports::{Header, Outgoing};
use rules::{
    AlertId, Command, CommandRecord, EXPECTED_VERSION_HEADER, Invalid, Rule, RuleKey, RuleVersion, read_rule,
};
use serde_json::value::RawValue;

use super::tried::{self, ForceQuery};
use crate::error::{Answer, Code, Fault, Problem};

/// A sound rule of an import.
pub(super) struct Posted {
    pub(super) rule: Rule,
    pub(super) expected: Option<RuleVersion>,
    pub(super) record: Outgoing,
}

/// The members that name the rule; of duplicates the last one counts, as everywhere.
struct Ids {
    customer: Option<String>,
    alert: Option<String>,
}

/// A rule posted to the collection: an id that the plain form leaves out is made from `fresh`.
pub(super) fn to_collection(text: &Bytes, fresh: AlertId) -> Answer<(RuleKey, Bytes)> {
    let (rule, _) = read_rule(text, Some(fresh)).map_err(|invalid| Problem::from(&invalid))?;
    let mut filled = text.clone();
    if Ids::read(text).is_some_and(|ids| ids.alert.is_none()) {
        filled = append_member(&filled, "alertId", &rule.key.alert.to_string());
    }
    Ok((rule.key, filled))
}

/// A line of an import, as [`to_collection`] takes it: the record that asks for the rule, and the rule.
pub(super) fn of_line(topic: &str, text: &Bytes, fresh: AlertId) -> Result<Posted, Invalid> {
    let (rule, expected) = read_rule(text, Some(fresh))?;
    // Only a rule without an id of its own has the fresh one; any other was read as readers of the topic read it.
    let text = if rule.key.alert == fresh {
        append_member(text, "alertId", &fresh.to_string())
    } else {
        text.clone()
    };
    let record = record(topic, rule.key, Some(text), None);
    Ok(Posted { rule, expected, record })
}

/// A rule put to its own path: ids that were left out come from there, others must be the same.
pub(super) fn to_path(text: &Bytes, key: RuleKey) -> Answer<Bytes> {
    let mut filled = text.clone();
    if let Some(ids) = Ids::read(text) {
        let path = [("customerId", key.customer.to_string()), ("alertId", key.alert.to_string())];
        for ((name, wanted), given) in path.into_iter().zip([ids.customer, ids.alert]) {
            match given {
                None => filled = append_member(&filled, name, &wanted),
                Some(given) if given.eq_ignore_ascii_case(&wanted) => {},
                // Whether it is an id at all is for the reader of rules to say.
                Some(given) if given.parse::<AlertId>().is_ok() => return Err(mismatch(name)),
                Some(_) => {},
            }
        }
    }
    Ok(filled)
}

/// The record that asks for the rule.
pub(super) fn put(
    topic: &str,
    key: RuleKey,
    text: Bytes,
    expected: Option<RuleVersion>,
    force: &ForceQuery,
) -> Answer<Outgoing> {
    let record = record(topic, key, Some(text), expected);
    let read = Command::read(&CommandRecord {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        expected_version: record.headers.first().map(|header| &header.value[..]),
    });
    // What would become a dead letter is refused here, before it is in the log for ever.
    if let Command::Put { rule, .. } = read.map_err(|invalid| Problem::from(&invalid))? {
        tried::check(&rule, force)?;
    }
    Ok(record)
}

/// The record that deletes the rule.
pub(super) fn delete(topic: &str, key: RuleKey, expected: Option<RuleVersion>) -> Outgoing {
    record(topic, key, None, expected)
}

fn record(topic: &str, key: RuleKey, value: Option<Bytes>, expected: Option<RuleVersion>) -> Outgoing {
    let header = |version: RuleVersion| Header::new(EXPECTED_VERSION_HEADER, version.0.to_string());
    Outgoing {
        topic: topic.to_owned(),
        partition: None,
        timestamp: None,
        key: Some(key.to_string().into()),
        value,
        headers: expected.map(header).into_iter().collect(),
    }
}

impl Ids {
    /// Nothing if the text is no object; the reader of rules has the words for that.
    fn read(text: &[u8]) -> Option<Self> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(text).ok()?;
        // Null counts as left out; something that is no string does not, and is refused later.
        let given = |name: &str| {
            let raw = members.get(name)?.get();
            serde_json::from_str(raw).unwrap_or_else(|_| Some(raw.to_owned()))
        };
        Some(Self { customer: given("customerId"), alert: given("alertId") })
    }
}

/// Adds a member behind all others, where it wins over one of that name that holds null.
fn append_member(object: &Bytes, name: &str, value: &str) -> Bytes {
    let text = object.trim_ascii_end();
    let Some(inside) = text.strip_suffix(b"}") else {
        return object.clone();
    };
    let comma = if inside.trim_ascii() == b"{" { "" } else { "," };
    let mut filled = inside.to_vec();
    filled.extend_from_slice(format!("{comma}\"{name}\":\"{value}\"}}").as_bytes());
    filled.into()
}

fn mismatch(name: &str) -> Problem {
    let detail = format!("`{name}` in the rule is another one than in the path");
    let fault = Fault {
        code: Code::RuleMismatch.code(),
        pointer: Some(format!("/{name}")),
        line: None,
        column: None,
        message: "another id than in the path".to_owned(),
        expected: "the id of the path, or none".to_owned(),
    };
    Problem::new(Code::RuleMismatch, detail).with_faults(vec![fault])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
    const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

    fn fresh() -> AlertId {
        ALERT.parse().unwrap()
    }

    fn key() -> RuleKey {
        format!("{CUSTOMER}/{ALERT}").parse().unwrap()
    }

    #[test]
    fn a_text_with_all_ids_is_kept_as_it_came() {
        let text =
            format!(" {{\"alertId\" : \"{ALERT}\", \"customerId\":\"{CUSTOMER}\",\"jsonPath\":\"$.a\"}}\n");
        let text = Bytes::from(text);
        assert_eq!(to_collection(&text, fresh()).unwrap().1, text);
        assert_eq!(to_path(&text, key()).unwrap(), text);
    }

    #[test]
    fn ids_that_were_left_out_are_added_to_the_text() {
        for left_out in ["", ",\"alertId\":null"] {
            let text = format!(
                "{{\"customerId\":\"{CUSTOMER}\",\"alertName\":\"}}\",\"match\":\"$.a\"{left_out}}} "
            );
            let (key, filled) = to_collection(&text.into(), fresh()).unwrap();
            assert_eq!(key.alert, fresh());
            assert!(put("t", key, filled, None, &ForceQuery::default()).is_ok());
        }
        let filled = to_path(&"{\"alertName\":\"a\",\"match\":\"$.a\"}".into(), key()).unwrap();
        assert!(put("t", key(), filled, None, &ForceQuery::default()).is_ok());
        assert_eq!(append_member(&"{ }".into(), "a", "b"), "{ \"a\":\"b\"}");
    }

    #[test]
    fn another_id_than_in_the_path_is_refused() {
        let text = format!("{{\"alertId\":\"{CUSTOMER}\",\"match\":\"$.a\",\"alertName\":\"a\"}}");
        assert!(to_path(&text.into(), key()).is_err());
    }
}
