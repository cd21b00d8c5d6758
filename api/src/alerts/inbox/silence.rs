//! A silence: alerts that match it are not told to anybody while it lasts. They are in the inbox all the same. It knows
//! no version of a rule, so it outlives edits. Pure.

use engine::Timestamp;
use rules::CustomerId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// The most matchers of a silence.
pub(crate) const MATCHERS_MAX: usize = 20;
/// The most values of a matcher.
const VALUES_MAX: usize = 100;
/// The longest value, in characters.
const VALUE_CHARS_MAX: usize = 1_000;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Comparison {
    /// It is one of the values.
    In,
    /// It is none of the values, or not there.
    NotIn,
    /// It begins with one of the values.
    StartsWith,
    /// One of the values is a part of it.
    Contains,
}

/// What must hold of a field of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Matcher {
    /// `alertId`, `alertName`, `severity`, `alertInstanceId`, `labels.NAME` or `group.NAME`.
    pub(crate) field: String,
    /// How it is compared.
    pub(crate) op: Comparison,
    /// With what; numbers and truth values of a group as JSON writes them.
    pub(crate) values: Vec<String>,
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silence {
    pub(crate) id: Uuid,
    pub(crate) customer: CustomerId,
    /// All of them must hold.
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) reason: String,
    pub(crate) made_by: String,
    pub(crate) made_at: Timestamp,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl Matcher {
    /// What is wrong with it, and what was expected.
    pub(crate) fn problem(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let named = |prefix| self.field.strip_prefix(prefix).is_some_and(|name: &str| !name.is_empty());
        let plain = ["alertId", "alertName", "severity", "alertInstanceId"].contains(&self.field.as_str());
        if !plain && !named("labels.") && !named("group.") {
            let expected =
                "`alertId`, `alertName`, `severity`, `alertInstanceId`, `labels.NAME` or `group.NAME`";
            return Some(("field", "no alert has such a field", expected));
        }
        if self.field.chars().count() > VALUE_CHARS_MAX {
            return Some(("field", "it is too long", "at most 1000 characters"));
        }
        if self.values.is_empty() || self.values.len() > VALUES_MAX {
            return Some(("values", "so many values cannot be given", "1 to 100 values"));
        }
        let long = |value: &String| value.chars().count() > VALUE_CHARS_MAX;
        if self.values.iter().any(long) {
            return Some(("values", "a value is too long", "at most 1000 characters"));
        }
        // Every text begins with nothing and has nothing as a part: that would silence everything.
        let all = matches!(self.op, Comparison::StartsWith | Comparison::Contains);
        if all && self.values.iter().any(String::is_empty) {
            return Some(("values", "every alert would match", "values that are not empty"));
        }
        None
    }

    /// Whether it holds of an alert, given as its record.
    pub(crate) fn matches(&self, alert: &Value) -> bool {
        let at = match self.field.split_once('.') {
            Some((object @ ("labels" | "group"), name)) => alert.get(object).and_then(|of| of.get(name)),
            _ => alert.get(&self.field),
        };
        let text = at.map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let any = |holds: &dyn Fn(&str, &str) -> bool| {
            text.as_ref().is_some_and(|text| self.values.iter().any(|value| holds(text, value)))
        };
        match self.op {
            Comparison::In => any(&|text, value| text == value),
            Comparison::NotIn => !any(&|text, value| text == value),
            Comparison::StartsWith => any(&|text, value| text.starts_with(value)),
            Comparison::Contains => any(&|text, value| text.contains(value)),
        }
    }
}

impl Silence {
    /// Whether it lasts at that time.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }

    /// Whether it silences this alert of its customer, given as its record.
    pub(crate) fn silences(&self, customer: CustomerId, alert: &Value) -> bool {
        self.customer == customer && self.matchers.iter().all(|matcher| matcher.matches(alert))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::item::tests::{CUSTOMER, RULE, record};
    use super::*;

    fn matcher(field: &str, op: Comparison, values: &[&str]) -> Matcher {
        Matcher {
            field: field.to_owned(),
            op,
            values: values.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    pub(crate) fn silence(number: u128, field: &str, value: &str) -> Silence {
        Silence {
            id: Uuid::from_u128(number),
            customer: CUSTOMER.parse().unwrap(),
            matchers: vec![matcher(field, Comparison::In, &[value])],
            reason: "maintenance".to_owned(),
            made_by: "root".to_owned(),
            made_at: Timestamp(0),
            starts_at: Timestamp(10),
            ends_at: Timestamp(20),
        }
    }

    #[test]
    fn matchers_read_what_an_alert_has() {
        use Comparison::{Contains, In, NotIn, StartsWith};
        let alert: Value = serde_json::from_str(&record(1, CUSTOMER, "firing", 1)).unwrap();
        for (field, op, values, matches) in [
            ("alertId", In, &[RULE][..], true),
            ("alertName", StartsWith, &["Many"], true),
            ("alertName", StartsWith, &["logins"], false),
            ("alertName", Contains, &["x", "logins"], true),
            ("severity", In, &["LOW", "HIGH"], true),
            ("severity", NotIn, &["LOW"], true),
            ("severity", NotIn, &["HIGH"], false),
            ("labels.team", In, &["blue"], true),
            ("labels.nothing", In, &[""], false),
            ("labels.nothing", NotIn, &["blue"], true),
            ("group.user", In, &["bob"], true),
        ] {
            let matcher = matcher(field, op, values);
            assert_eq!(matcher.problem(), None);
            assert_eq!(matcher.matches(&alert), matches, "{matcher:?}");
        }
    }

    #[test]
    fn what_would_match_everything_or_nothing_is_refused() {
        for matcher in [
            matcher("value", Comparison::In, &["1"]),
            matcher("labels.", Comparison::In, &["1"]),
            matcher("alertName", Comparison::Contains, &[""]),
            matcher("alertName", Comparison::In, &[]),
            matcher("alertName", Comparison::In, &["x"; VALUES_MAX + 1]),
            matcher("alertName", Comparison::In, &["x".repeat(VALUE_CHARS_MAX + 1).as_str()]),
        ] {
            assert!(matcher.problem().is_some(), "{}", matcher.field);
        }
    }

    #[test]
    fn a_silence_is_of_one_customer_and_one_time() {
        let silence = silence(1, "severity", "HIGH");
        let alert: Value = serde_json::from_str(&record(1, CUSTOMER, "firing", 1)).unwrap();
        assert!(silence.silences(silence.customer, &alert));
        assert!(!silence.silences(CustomerId::GLOBAL, &alert));
        let lasts = [9, 10, 19, 20].map(|now| silence.lasts(Timestamp(now)));
        assert_eq!(lasts, [false, true, true, false]);
    }
}
