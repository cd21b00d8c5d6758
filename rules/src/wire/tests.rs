use super::*;
use crate::condition::Condition;
use serde_json::json;

const CUSTOMER: &str = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
const ALERT: &str = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";

fn read(document: &Value) -> Result<(Rule, Option<RuleVersion>), Invalid> {
    read_rule(document.to_string().as_bytes(), None)
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
    invalid
        .problems
        .into_iter()
        .map(|problem| (problem.code, problem.pointer))
        .collect()
}

#[test]
fn the_original_control_message_is_read_unchanged() {
    let (rule, expected) = read(&original()).unwrap();
    assert_eq!(rule.key.to_string(), format!("{CUSTOMER}/{ALERT}"));
    assert_eq!(rule.threshold, Threshold { gte: 3 });
    assert!(
        matches!(&rule.condition.condition, Condition::Test(test) if test.op() == crate::condition::Op::NotEmpty)
    );
    assert_eq!((rule.bootstrap_customer, expected), (None, None));
}

#[test]
fn a_missing_threshold_is_one() {
    let mut document = original();
    document["threshold"] = Value::Null;
    assert_eq!(read(&document).unwrap().0.threshold.gte, 1);
    assert_eq!(read(&plain()).unwrap().0.threshold.gte, 1);
}

#[test]
fn the_original_control_message_has_no_other_fields() {
    let mut document = original();
    document["severity"] = json!("high");
    assert_eq!(
        problems(&document),
        [(ProblemCode::UnknownField, "/severity".to_owned())]
    );
}

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let document = json!({
        "customerId": "nobody", "alertId": 7, "match": "$.a[", "threshold": 1.5, "severity": "hi",
        "labels": {"a/b": 1}, "treshold": 2
    });
    let expected = [
        (ProblemCode::UnknownField, "/treshold"),
        (ProblemCode::OutOfRange, "/customerId"),
        (ProblemCode::WrongType, "/alertId"),
        (ProblemCode::MissingField, ""),
        (ProblemCode::OutOfRange, "/severity"),
        (ProblemCode::WrongType, "/labels/a~1b"),
        (ProblemCode::BadPath, "/match"),
        (ProblemCode::WrongType, "/threshold"),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(code, pointer)| (code, pointer.to_owned()))
        .collect();
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
    assert!(
        read_rule(b"[]", None)
            .unwrap_err()
            .to_string()
            .contains("an array")
    );
}

#[test]
fn an_oversized_rule_is_refused_before_it_is_parsed() {
    let text = vec![b' '; RULE_BYTES_MAX + 1];
    assert_eq!(
        read_rule(&text, None).unwrap_err().problems[0].code,
        ProblemCode::LimitPassed
    );
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
        let back = read_stored(&written).unwrap();
        assert_eq!(back, rule, "{written}");
    }
}
