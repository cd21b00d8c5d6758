//! Runs the tests that a rule carries, on the clocks of their events.

use rules::{Command, CustomerId, Expectation, Node, Payload, Rule, RuleBook, RuleTest, Status};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::alert::Alert;
use crate::apply::Failure;
use crate::rehearsal::Rehearsal;
use crate::scalar::canonical;
use crate::stream::Offset;

/// Whose the events of a global rule's test are, unless they say it.
const SOMEBODY: CustomerId = CustomerId::from_bytes([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]);

/// How a test of a rule has ended.
#[derive(Debug, Clone, Serialize)]
pub struct TestReport {
    /// The test's name.
    pub name: String,
    /// Whether everything came as expected.
    pub passed: bool,
    /// Expected and actual alerts side by side, in order, as far as they differ.
    pub differences: Vec<Difference>,
    /// The numbers of the events, from 0, of which the rule looks at more than it may: a running system would suspend it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<u64>,
}

/// An alert that is not as expected.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// Its place among the alerts, from 0.
    pub index: usize,
    /// What was expected; nothing if an alert was not expected at all.
    pub expected: Option<Value>,
    /// What came, with the fields that were asked for; nothing if none came.
    pub actual: Option<Value>,
}

/// Runs every test of a rule. Its status does not matter: tests come before a rule is in force.
///
/// # Errors
/// None that memory can have; as [`crate::apply`].
pub fn run_tests(rule: &Rule) -> Result<Vec<TestReport>, Failure> {
    rule.tests.iter().map(|test| run(rule, test)).collect()
}

fn run(rule: &Rule, test: &RuleTest) -> Result<TestReport, Failure> {
    let mut book = RuleBook::default();
    let mut tested = rule.clone();
    tested.status = Status::Active;
    book.apply(Command::Put { rule: Box::new(tested), expected: None });
    let default = if rule.key.customer.is_global() { SOMEBODY } else { rule.key.customer };
    let mut rehearsal = Rehearsal::new(book, "test");
    let (mut alerts, mut cut) = (Vec::new(), Vec::new());
    for (offset, event) in (0..).zip(&test.events) {
        let payload = Payload::from(event.payload.clone());
        let customer = event.customer.unwrap_or(default);
        let outcome = rehearsal.event(customer, &payload, event.at, Offset(offset))?;
        cut.extend(outcome.cut.iter().map(|cut| cut.offset.0));
        alerts.extend(outcome.alerts);
    }
    alerts.extend(rehearsal.finish(test.advance_to)?.alerts);
    let count = alerts.len().max(test.expect.len());
    let differences: Vec<_> =
        (0..count).filter_map(|index| difference(index, test.expect.get(index), alerts.get(index))).collect();
    let passed = differences.is_empty() && cut.is_empty();
    Ok(TestReport { name: test.name.clone(), passed, differences, cut })
}

fn difference(index: usize, expected: Option<&Expectation>, actual: Option<&Alert>) -> Option<Difference> {
    let shown = |fields: &Fields| Value::Object(fields.clone());
    let (Some(expectation), Some(alert)) = (expected, actual) else {
        return Some(Difference {
            index,
            expected: expected.map(|expectation| shown(&wanted(expectation))),
            actual: actual.map(|alert| shown(&all(alert))),
        });
    };
    let (wanted, all) = (wanted(expectation), all(alert));
    let found: Fields =
        wanted.keys().map(|name| (name.clone(), all.get(name).cloned().unwrap_or_default())).collect();
    (wanted != found).then(|| Difference {
        index,
        expected: Some(shown(&wanted)),
        actual: Some(shown(&found)),
    })
}

type Fields = Map<String, Value>;

/// What a test asks for, in the form in which alerts are compared.
fn wanted(expectation: &Expectation) -> Fields {
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Option<Value>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("at", expectation.at.map(|at| json!(at)));
    set("group", expectation.group.as_ref().map(|group: &Node| json!(canonical(group))));
    set("state", expectation.state.as_ref().map(|state| json!(state)));
    set("value", expectation.value.map(|value| json!(value.map(|value| value.to_string()))));
    set("customerId", expectation.customer.map(|customer| json!(customer)));
    fields
}

fn all(alert: &Alert) -> Fields {
    let value = alert.value.map(|value| value.to_string());
    let fields = [
        ("at", json!(alert.event_time)),
        ("group", json!(alert.group.text())),
        ("state", json!(alert.state)),
        ("value", json!(value)),
        ("customerId", json!(alert.customer_id)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More nodes than a rule may look at.
    const MANY: usize = 120_000;

    #[test]
    fn a_test_fails_where_the_rule_looks_at_more_of_an_event_than_it_may() {
        let payload = json!({"b": vec![0; MANY]});
        let document: Value = serde_json::from_str(RULE).unwrap();
        let (mut rule, _) = {
            let mut document = document;
            document["match"] = json!("$..a == 1");
            document["tests"] =
                json!([{"name": "none", "events": [{"at": "1s", "payload": {}}], "expect": []}]);
            rules::read_rule(document.to_string().as_bytes(), None).unwrap()
        };
        assert!(run_tests(&rule).unwrap()[0].passed);
        rule.tests[0].events[0].payload = Payload::parse(&payload.to_string()).unwrap().root().clone();
        let report = run_tests(&rule).unwrap().remove(0);
        assert_eq!((report.passed, report.cut), (false, vec![0]));
    }

    const RULE: &str = r#"{
        "customerId": "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34", "alertId": "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10",
        "alertName": "three", "status": "draft", "match": "$.a == 1", "threshold": 2,
        "groupBy": [{"name": "k", "jsonPath": "$.k"}],
        "tests": [
            {"name": "good", "events": [{"at": "1s", "payload": {"a": 1, "k": 7}}, {"at": "2s", "payload": {"a": 1, "k": 7.0}}],
             "expect": [{"at": "2s", "group": {"k": 7}, "state": "firing", "value": 2}]},
            {"name": "bad", "events": [{"at": "1s", "payload": {"a": 1, "k": 7}}, {"at": "2s", "payload": {"a": 1, "k": 7}}],
             "expect": [{"at": "3s", "value": 2}, {"state": "resolved"}]}
        ]
    }"#;

    #[test]
    fn reports_show_both_sides_of_what_differs() {
        let (rule, _) = rules::read_rule(RULE.as_bytes(), None).unwrap();
        let reports = run_tests(&rule).unwrap();
        assert!(reports[0].passed, "{:?}", reports[0]);
        let differences = serde_json::to_value(&reports[1].differences).unwrap();
        assert_eq!(
            differences,
            json!([
                {"index": 0, "expected": {"at": "1970-01-01T00:00:03.000Z", "value": "2"},
                 "actual": {"at": "1970-01-01T00:00:02.000Z", "value": "2"}},
                {"index": 1, "expected": {"state": "resolved"}, "actual": null},
            ])
        );
    }
}
