use super::*;
use crate::condition::Condition;
use crate::rule::Limits;
use serde_json::json;

mod kept;
mod refused;

const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

fn read(document: &Value) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    read_rule(document.to_string().as_bytes(), None)
}

fn threshold(rule: &Rule) -> &Limits {
    rule.threshold_for(rule.key.customer).unwrap()
}

fn original() -> Value {
    json!({
        "customerId": CUSTOMER, "alertId": ALERT, "alertName": "deleted", "alertDescription": "a repository went",
        "threshold": 3, "jsonPath": "$.repository.deleted", "bootstrapCustomerId": null
    })
}

fn plain() -> Value {
    json!({"customerId": CUSTOMER, "alertId": ALERT, "alertName": "shared", "match": "$.acl[?(@.scope == 'anyone')]"})
}

fn problems(document: &Value) -> Vec<(ProblemCode, String)> {
    let invalid = read(document).expect_err("the document is refused");
    invalid.problems.into_iter().map(|problem| (problem.code, problem.pointer)).collect()
}

#[test]
fn the_original_control_message_is_read_unchanged() {
    let (rule, expected) = read(&original()).unwrap();
    assert_eq!(rule.key.to_string(), format!("{CUSTOMER}/{ALERT}"));
    assert_eq!(threshold(&rule), &Limits::at_least(3_i64.into()));
    assert!(
        matches!(&rule.parts()[0].2.condition, Condition::Test(test) if test.op() == crate::condition::Op::NotEmpty)
    );
    assert_eq!((rule.bootstrap.customer, expected), (None, None));
}

#[test]
fn a_missing_threshold_is_one() {
    let mut document = original();
    document["threshold"] = Value::Null;
    assert_eq!(threshold(&read(&document).unwrap().0), &Limits::at_least(1_i64.into()));
    assert_eq!(threshold(&read(&plain()).unwrap().0), &Limits::at_least(1_i64.into()));
}

#[test]
fn the_original_control_message_has_no_other_fields() {
    let mut document = original();
    document["severity"] = json!("high");
    assert_eq!(problems(&document), [(ProblemCode::UnknownField, "/severity".to_owned())]);
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let document = json!({
        "customerId": "nobody", "alertId": 7, "match": "$.a[", "threshold": 1.5, "severity": "hi",
        "labels": {"a/b": 1}, "treshold": 2
    });
    let expected = [
        (ProblemCode::UnknownField, "/treshold"),
        (ProblemCode::MissingField, ""),
        (ProblemCode::OutOfRange, "/customerId"),
        (ProblemCode::WrongType, "/alertId"),
        (ProblemCode::OutOfRange, "/severity"),
        (ProblemCode::WrongType, "/labels/a~1b"),
        (ProblemCode::BadPath, "/match"),
        (ProblemCode::WrongType, "/threshold"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(code, pointer)| (code, pointer.to_owned())).collect();
    assert_eq!(problems(&document), expected);
}

#[test]
fn a_misspelt_field_gets_a_suggestion() {
    let mut document = plain();
    document["treshold"] = json!(1);
    let text = read(&document).unwrap_err().to_string();
    assert!(text.contains("did you mean `threshold`?"), "{text}");
}

#[test]
fn a_rule_without_an_id_takes_the_fresh_one() {
    let mut document = plain();
    document.as_object_mut().unwrap().remove("alertId");
    assert_eq!(problems(&document), [(ProblemCode::MissingField, String::new())]);
    let fresh: AlertId = ALERT.parse().unwrap();
    let (rule, _) = read_rule(document.to_string().as_bytes(), Some(fresh)).unwrap();
    assert_eq!(rule.key.alert, fresh);
}

#[test]
fn text_that_is_not_json_is_placed_by_line_and_column() {
    let invalid = read_rule(b"{\n \"customerId\": }", None).unwrap_err();
    assert_eq!(invalid.problems[0].place, Some((2, 16)));
    assert!(read_rule(b"\xff\xfe", None).is_err());
    assert!(read_rule(b"[]", None).unwrap_err().to_string().contains("an array"));
}

#[test]
fn an_oversized_rule_is_refused_before_it_is_parsed() {
    let text = vec![b' '; RULE_BYTES_MAX + 1];
    assert_eq!(read_rule(&text, None).unwrap_err().problems[0].code, ProblemCode::LimitPassed);
}

#[test]
fn what_is_written_reads_back_to_the_same_rule() {
    let mut with_all = plain();
    with_all["labels"] = json!({"team": "storage"});
    with_all["severity"] = json!("high");
    with_all["threshold"] = json!({"gte": 5});
    for document in [original(), plain(), with_all] {
        let (rule, _) = read(&document).unwrap();
        let written = write_rule(&rule, RuleVersion(4));
        let back = read_stored(&written.to_string()).unwrap();
        assert_eq!(back, rule, "{written}");
    }
}

fn with(fields: &[(&str, Value)]) -> Value {
    let mut document = plain();
    for (name, value) in fields {
        document[*name] = value.clone();
    }
    document
}

#[test]
fn a_condition_is_answered_in_the_form_in_which_it_was_posted() {
    let structured = json!({"all": [{"jsonPath": "$.a", "op": "eq", "value": 1}, {"not": "shared"}]});
    let posted = with(&[
        ("match", structured),
        ("selections", json!({"shared": "$.b in ['x']", "other": {"jsonPath": "$.c", "op": "exists"}})),
    ]);
    let (rule, _) = read(&posted).unwrap();
    let written = write_rule(&rule, RuleVersion(1));
    assert_eq!(
        written["match"],
        json!({"all": [{"jsonPath": "$.a", "op": "eq", "value": 1}, {"not": "shared"}]})
    );
    assert_eq!(
        written["selections"],
        json!({"shared": "$.b in [\"x\"]", "other": {"jsonPath": "$.c", "op": "exists"}})
    );
    assert_eq!(read_stored(&written.to_string()).unwrap(), rule);
    let text = with(&[
        ("match", json!("($.a == 9007199254740993) || shared")),
        ("selections", json!({"shared": "$.b"})),
    ]);
    assert_eq!(
        write_rule(&read(&text).unwrap().0, RuleVersion(1))["match"],
        json!("$.a == 9007199254740993 || shared")
    );
}

#[test]
fn selections_are_checked_with_the_rest_of_the_rule() {
    let document = with(&[
        ("match", json!({"any": ["shared", "nobody"]})),
        (
            "selections",
            json!({"shared": "$.b", "1st": "$.a", "every": "$.a", "deep": "shared", "bad": {"jsonPath": "$.a"}}),
        ),
    ]);
    let mut found = problems(&document);
    found.sort_by(|left, right| left.1.cmp(&right.1));
    let expected = [
        (ProblemCode::UnknownSelection, "/match/any/1"),
        (ProblemCode::BadSelectionName, "/selections/1st"),
        (ProblemCode::MissingField, "/selections/bad"),
        (ProblemCode::UnknownSelection, "/selections/deep"),
        (ProblemCode::BadSelectionName, "/selections/every"),
    ];
    assert_eq!(found, expected.map(|(code, pointer)| (code, pointer.to_owned())));
}

#[test]
fn a_fault_in_text_has_a_pointer_and_a_place() {
    let text = read(&with(&[("match", json!({"not": "$.a\n = 1"}))])).unwrap_err().to_string();
    assert_eq!(text, "TOC-1009 at /match/not, line 2 column 2: found `=`; expected `==`");
}

#[test]
fn a_condition_written_in_another_way_counts_the_same() {
    let rule = |condition: Value, shared: &str| {
        read(&with(&[("match", condition), ("selections", json!({"shared": shared, "unused": shared}))]))
            .unwrap()
            .0
    };
    let text = rule(json!("shared && $.a == 1.0"), "$.b");
    let structured =
        rule(json!({"all": ["shared", {"jsonPath": "$['a']", "op": "eq", "value": 1}]}), "$.b exists");
    assert!(text != structured && text.counts_the_same_as(&structured));
    assert!(!text.counts_the_same_as(&rule(json!("shared && $.a == 1"), "$.c")));
    assert!(rule(json!("$.a"), "$.b").counts_the_same_as(&rule(json!("$.a"), "$.c")));
}

#[test]
fn a_stored_rule_may_be_longer_than_a_posted_one() {
    let text = format!("$.a == '{}'", "\"".repeat(30_000));
    let document = with(&[("match", json!(text))]).to_string();
    assert!(document.len() < RULE_BYTES_MAX);
    let (rule, _) = read_rule(document.as_bytes(), None).unwrap();
    let active = crate::book::ActiveRule::new(rule, RuleVersion(1), crate::book::Generation(1));
    let bytes = active.to_bytes();
    assert!(bytes.len() > RULE_BYTES_MAX);
    assert_eq!(crate::book::ActiveRule::from_bytes(active.rule.key, &bytes).unwrap(), active);
}

#[test]
fn half_a_surrogate_pair_in_a_rule_is_refused_with_its_place() {
    let text = plain().to_string().replace("shared", r"\ud800");
    let invalid = read_rule(text.as_bytes(), None).unwrap_err();
    assert_eq!(invalid.problems[0].code, ProblemCode::NotJson);
    assert!(invalid.problems[0].place.is_some());
}

#[test]
fn the_limits_of_conditions_are_those_of_the_whole_rule() {
    let many = |count: usize| vec!["$.a regex 'x'"; count].join(" || ");
    let rule = |count| with(&[("match", json!(many(count))), ("selections", json!({"s": many(40)}))]);
    assert!(read(&rule(24)).is_ok());
    assert_eq!(problems(&rule(25)), [(ProblemCode::LimitPassed, "/match".to_owned())]);
}

/// Entries as they were stored before rules had all of their fields.
#[test]
fn entries_of_earlier_versions_read_back() {
    let key = format!("{CUSTOMER}/{ALERT}").parse().unwrap();
    let entry = |rule: &str| format!("{{\"generation\":7,\"rule\":{rule},\"version\":3}}");
    let stored = |rule: &str| crate::book::ActiveRule::from_bytes(key, entry(rule).as_bytes()).unwrap();
    let control = stored(
        r#"{"alertDescription":"a repository went","alertId":"b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10","alertName":"deleted","bootstrapCustomerId":"9f20f8a4-d8c8-4a74-ac90-3452b97c2e34","customerId":"9f20f8a4-d8c8-4a74-ac90-3452b97c2e34","jsonPath":"$.repository.deleted","labels":{},"severity":"medium","threshold":{"gte":3},"version":3}"#,
    );
    let mut posted = original();
    posted["bootstrapCustomerId"] = json!(CUSTOMER);
    assert_eq!(control.rule, read(&posted).unwrap().0);
    let named = stored(
        r#"{"alertDescription":"","alertId":"b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10","alertName":"shared","bootstrapCustomerId":"9f20f8a4-d8c8-4a74-ac90-3452b97c2e34","customerId":"9f20f8a4-d8c8-4a74-ac90-3452b97c2e34","labels":{"team":"storage"},"match":{"all":["shared",{"jsonPath":"$.n","op":"gt","value":1}]},"selections":{"shared":"$.b in [\"x\"]"},"severity":"high","threshold":{"gte":-2},"version":3}"#,
    );
    let posted = with(&[
        ("labels", json!({"team": "storage"})),
        ("severity", json!("high")),
        ("threshold", json!(-2)),
        ("bootstrapCustomerId", json!(CUSTOMER)),
        ("selections", json!({"shared": "$.b in ['x']"})),
        ("match", json!({"all": ["shared", {"jsonPath": "$.n", "op": "gt", "value": 1}]})),
    ]);
    assert_eq!(named.rule, read(&posted).unwrap().0);
}

/// What `GET` answers can be posted again, also of the original control message.
#[test]
fn what_is_written_can_be_posted_again() {
    for document in
        [original(), with(&[("threshold", json!({"gt": 1.5})), ("alertPolicy", json!({"maxPerHour": 3}))])]
    {
        let (rule, _) = read(&document).unwrap();
        assert_eq!(read(&write_rule(&rule, RuleVersion(4))).unwrap(), (rule, None));
    }
    let written = write_rule(&read(&original()).unwrap().0, RuleVersion(4));
    let mut expected = original();
    expected["version"] = json!(4);
    expected.as_object_mut().unwrap().remove("bootstrapCustomerId");
    assert_eq!(written, expected);
}
