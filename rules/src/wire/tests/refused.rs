//! Combinations of fields that are refused, each with the place that its author is shown.

mod policy;

use serde_json::{Value, json};

use super::{problems, read, with};
use crate::problem::ProblemCode::{self, Conflict, LimitPassed, MissingField, OutOfRange, WrongType};

/// The rule with these fields in place of `match`.
fn instead_of_match(fields: &[(&str, Value)]) -> Value {
    let mut document = with(fields);
    document.as_object_mut().unwrap().remove("match");
    document
}

fn global(fields: &[(&str, Value)]) -> Value {
    let mut document = with(fields);
    document["customerId"] = json!("deadbeef-dead-beef-dead-beefdeadbeef");
    document
}

fn refused(document: &Value, code: ProblemCode, pointer: &str) {
    assert_eq!(problems(document), [(code, pointer.to_owned())], "{document}");
}

fn steps(count: usize) -> Value {
    (0..count).map(|step| json!({"id": format!("s{step}"), "match": format!("$.a == {step}")})).collect()
}

fn pattern(kind: &str, more: &Value) -> Value {
    let mut pattern = json!({"type": kind, "steps": steps(2), "within": "1h"});
    for (name, value) in more.as_object().unwrap() {
        pattern[name] = value.clone();
    }
    instead_of_match(&[("pattern", pattern)])
}

#[test]
fn one_thing_says_which_events_are_meant() {
    refused(&instead_of_match(&[]), MissingField, "");
    let increment = json!({"increment": {"match": "$.b"}});
    refused(&with(&[("aggregate", increment.clone())]), Conflict, "/match");
    assert!(read(&instead_of_match(&[("aggregate", increment.clone())])).is_ok());
    for (name, value) in [
        ("match", json!("$.a")),
        ("aggregate", increment),
        ("window", json!({"type": "total"})),
        ("threshold", json!(1)),
    ] {
        let mut document = pattern("all", &json!({}));
        document[name] = value;
        refused(&document, Conflict, &format!("/{name}"));
    }
}

#[test]
fn what_takes_away_and_how_much_goes_with_count_and_sum_alone() {
    for function in ["min", "max", "avg", "distinct"] {
        let aggregate = |more: Value| {
            let mut aggregate =
                json!({"function": function, "jsonPath": "$.n", "increment": {"match": "$.a"}});
            for (name, value) in more.as_object().unwrap() {
                aggregate[name] = value.clone();
            }
            instead_of_match(&[("aggregate", aggregate), ("threshold", json!(1))])
        };
        assert!(read(&aggregate(json!({}))).is_ok());
        refused(&aggregate(json!({"decrement": {"match": "$.b"}})), Conflict, "/aggregate/decrement");
        refused(&aggregate(json!({"floor": 0})), Conflict, "/aggregate/floor");
        let by = json!({"increment": {"match": "$.a", "by": 2}});
        refused(&aggregate(by), Conflict, "/aggregate/increment/by");
    }
}

#[test]
fn functions_need_their_path_and_most_a_threshold() {
    for function in ["sum", "min", "max", "avg", "distinct"] {
        let document =
            with(&[("aggregate", json!({"function": function})), ("threshold", json!({"gt": 0.5}))]);
        refused(&document, MissingField, "/aggregate");
    }
    for function in ["sum", "min", "max", "avg"] {
        let document = with(&[("aggregate", json!({"function": function, "jsonPath": "$.n"}))]);
        refused(&document, MissingField, "");
    }
    assert!(read(&with(&[("aggregate", json!({"function": "distinct", "jsonPath": "$.n"}))])).is_ok());
    let sum = |decrement: Value| {
        let aggregate =
            json!({"function": "sum", "increment": {"match": "$.a", "by": "$.n"}, "decrement": decrement});
        instead_of_match(&[("aggregate", aggregate), ("threshold", json!(1))])
    };
    assert!(read(&sum(json!({"match": "$.b", "by": 2.5}))).is_ok());
    refused(&sum(json!({"match": "$.b"})), MissingField, "/aggregate");
}

#[test]
fn a_live_set_counts_its_entities_and_nothing_else() {
    let set = |more: Value| {
        let mut aggregate =
            json!({"entityPath": "$.id", "increment": {"match": "$.a"}, "decrement": {"match": "$.b"}});
        for (name, value) in more.as_object().unwrap() {
            aggregate[name] = value.clone();
        }
        instead_of_match(&[("aggregate", aggregate)])
    };
    assert!(read(&set(json!({"floor": 0}))).is_ok());
    refused(&set(json!({"jsonPath": "$.n"})), Conflict, "/aggregate/jsonPath");
    refused(&set(json!({"decrement": {"match": "$.b", "by": 1}})), Conflict, "/aggregate/decrement/by");
    let mut sum = set(json!({"function": "sum"}));
    sum["threshold"] = json!(1);
    refused(&sum, Conflict, "/aggregate/entityPath");
    let mut session = set(json!({}));
    session["window"] = json!({"type": "session", "gap": "5m"});
    refused(&session, Conflict, "/window");
}

#[test]
fn windows_have_their_own_measure() {
    let window = |window: Value| with(&[("window", window)]);
    for kind in ["tumbling", "sliding"] {
        refused(&window(json!({"type": kind})), MissingField, "/window");
        let both = json!({"type": kind, "size": "1h", "gap": "1m"});
        refused(&window(both), Conflict, "/window/gap");
        refused(&window(json!({"type": kind, "size": "0s"})), OutOfRange, "/window/size");
    }
    refused(&window(json!({"type": "session"})), MissingField, "/window");
    refused(&window(json!({"type": "session", "gap": "1m", "size": "1m"})), Conflict, "/window/size");
    refused(&window(json!({"type": "total", "size": "1m"})), Conflict, "/window/size");
    refused(&window(json!({"size": "1m"})), MissingField, "/window");
    refused(&window(json!("total")), WrongType, "/window");
    for kind in [json!({"type": "sliding", "size": "1h"}), json!({"type": "session", "gap": "1h"})] {
        refused(&with(&[("window", kind), ("aggregate", json!({"floor": 0}))]), Conflict, "/window");
    }
}

#[test]
fn patterns_have_as_many_steps_as_their_type_takes() {
    for (kind, count, pointer) in
        [("all", 1, "/pattern/steps"), ("sequence", 17, "/pattern/steps"), ("absence", 3, "/pattern/steps")]
    {
        let code = match count {
            1 => OutOfRange,
            3 => Conflict,
            _ => LimitPassed,
        };
        refused(&pattern(kind, &json!({"steps": steps(count)})), code, pointer);
    }
    for kind in ["sequence", "absence"] {
        refused(&pattern(kind, &json!({"within": null})), MissingField, "/pattern");
    }
    assert!(read(&pattern("all", &json!({"within": null}))).is_ok());
    refused(&pattern("atLeast", &json!({})), MissingField, "/pattern");
    refused(&pattern("atLeast", &json!({"n": 3})), Conflict, "/pattern/n");
    refused(&pattern("atLeast", &json!({"n": 0})), OutOfRange, "/pattern/n");
    refused(&pattern("all", &json!({"n": 1})), Conflict, "/pattern/n");
    let twice = json!([{"id": "a", "match": "$.a"}, {"id": "a", "match": "$.b"}]);
    refused(&pattern("all", &json!({"steps": twice})), Conflict, "/pattern/steps");
}

#[test]
fn steps_have_what_goes_with_the_pattern() {
    let step = |kind: &str, step: Value| {
        let mut step = step;
        step["match"] = json!("$.a");
        step["id"] = json!("a");
        let mut document = pattern(kind, &json!({"steps": [{"id": "b", "match": "$.b"}, step]}));
        if kind == "atLeast" {
            document["pattern"]["n"] = json!(1);
        }
        document
    };
    for kind in ["sequence", "absence"] {
        let entity = json!({"entityPath": "$.id"});
        refused(&step(kind, entity), Conflict, "/pattern/steps/1/entityPath");
    }
    assert!(read(&step("atLeast", json!({"entityPath": "$.id", "min": 3}))).is_ok());
    refused(&step("absence", json!({"min": 2})), Conflict, "/pattern/steps/1/min");
    refused(&step("all", json!({"min": 0})), OutOfRange, "/pattern/steps/1/min");
    for kind in ["sequence", "atLeast", "absence"] {
        let expected = json!({"expectedCountPath": "$.n"});
        refused(&step(kind, expected), Conflict, "/pattern/steps/1/expectedCountPath");
    }
    let expected = |name: &str, value: Value| json!({"expectedCountPath": "$.n", name: value});
    assert!(read(&step("all", expected("min", Value::Null))).is_ok());
    refused(&step("all", expected("min", json!(1))), Conflict, "/pattern/steps/1/min");
    refused(&step("all", expected("entityPath", json!("$.id"))), Conflict, "/pattern/steps/1/entityPath");
    let mut both = step("all", expected("min", Value::Null));
    both["pattern"]["steps"][0]["expectedCountPath"] = json!("$.m");
    refused(&both, Conflict, "/pattern/steps");
}

#[test]
fn a_scope_goes_with_a_global_rule() {
    let scope = json!({"include": ["11111111-1111-4111-8111-111111111111"]});
    assert!(read(&global(&[("scope", scope.clone())])).is_ok());
    refused(&with(&[("scope", scope)]), Conflict, "/scope");
    assert!(read(&with(&[("scope", json!({"include": [], "overrides": {}}))])).is_ok());
    let itself = json!({"exclude": ["deadbeef-dead-beef-dead-beefdeadbeef"]});
    refused(&global(&[("scope", itself)]), OutOfRange, "/scope/exclude/0");
    let twice = json!({"overrides": {
        "aaaaaaaa-1111-4111-8111-111111111111": {"status": "paused"},
        "AAAAAAAA-1111-4111-8111-111111111111": {"status": "active"},
    }});
    assert_eq!(problems(&global(&[("scope", twice)])).len(), 1);
}

#[test]
fn limits_are_one_or_two_exact_comparisons() {
    let threshold = |threshold: Value| with(&[("threshold", threshold)]);
    refused(&threshold(json!({})), OutOfRange, "/threshold");
    refused(&threshold(json!({"gt": 1, "lt": 5, "ne": 3})), OutOfRange, "/threshold");
    refused(&threshold(json!({"gt": "1"})), WrongType, "/threshold/gt");
    refused(&threshold(json!("1")), WrongType, "/threshold");
    refused(&threshold(json!({"gtee": 1, "lt": 1})), ProblemCode::UnknownField, "/threshold/gtee");
    for text in ["1e19", "0.0000000001", "9007199254740993.5", "18446744073709551615", "1e400"] {
        let document =
            threshold(json!({"gt": 0})).to_string().replace("{\"gt\":0}", &format!("{{\"gt\":{text}}}"));
        let invalid = crate::wire::read_rule(document.as_bytes(), None).unwrap_err();
        assert_eq!(
            (invalid.problems[0].code, invalid.problems[0].pointer.as_str()),
            (OutOfRange, "/threshold/gt")
        );
    }
}

#[test]
fn faults_deep_inside_have_pointers_and_suggestions() {
    let aggregate =
        json!({"increment": {"match": "$.a", "By": 1}, "decrement": {"match": "$.b &&", "by": -1}});
    let mut document =
        instead_of_match(&[("aggregate", aggregate), ("groupBy", json!([{"name": "", "jsonPath": "a"}]))]);
    document["tests"] = json!([{"events": [{"at": "noon", "payload": 7}], "expect": [{"state": "fired"}]}]);
    let invalid = read(&document).unwrap_err();
    let pointers: Vec<_> = invalid.problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/aggregate/increment/By",
            "/aggregate/decrement/match",
            "/aggregate/decrement/by",
            "/groupBy/0/name",
            "/groupBy/0/jsonPath",
            "/tests/0/events/0/at",
            "/tests/0/events/0/payload",
            "/tests/0/expect/0/state",
        ]
    );
    let text = invalid.to_string();
    assert!(text.contains("did you mean `by`?"), "{text}");
}

#[test]
fn lists_and_numbers_have_bounds() {
    let many = |element: Value, count: usize| Value::Array(vec![element; count]);
    for (name, document) in [
        ("groupBy", with(&[("groupBy", many(json!({"name": "a", "jsonPath": "$.a"}), 9))])),
        ("exceptions", with(&[("exceptions", many(json!({"match": "$.a"}), 65))])),
        ("entities", with(&[("entities", many(json!({"type": "a", "idPath": "$.a"}), 17))])),
        ("evidence/redact", with(&[("evidence", json!({"redact": many(json!("$.a"), 65)}))])),
        ("tests", with(&[("tests", many(json!({}), 65))])),
        ("tests/0/events", with(&[("tests", json!([{"events": many(json!({}), 1001)}]))])),
        ("tests/0/expect", with(&[("tests", json!([{"expect": many(json!({}), 1001)}]))])),
        ("scope/include", global(&[("scope", json!({"include": many(json!(""), 1001)}))])),
        ("allowedLateness", with(&[("allowedLateness", json!("3651d"))])),
    ] {
        refused(&document, LimitPassed, &format!("/{name}"));
    }
    for (name, value) in
        [("maxGroups", json!(0)), ("maxGroups", json!(10_000_001)), ("allowedLateness", json!("5 m"))]
    {
        refused(&with(&[(name, value)]), OutOfRange, &format!("/{name}"));
    }
    refused(&with(&[("evidence", json!({"max": 101}))]), OutOfRange, "/evidence/max");
    refused(
        &with(&[("eventId", json!({"jsonPath": "$.id", "retention": "0h"}))]),
        OutOfRange,
        "/eventId/retention",
    );
    let labels: Value =
        (0..65).map(|label| (label.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    refused(&with(&[("annotations", labels)]), LimitPassed, "/annotations");
    let two = json!([{"name": "a", "jsonPath": "$.a"}, {"name": "a", "jsonPath": "$.b"}]);
    refused(&with(&[("groupBy", two)]), Conflict, "/groupBy");
}

#[test]
fn tests_hold_payloads_and_groups_that_can_be() {
    let event = |payload: Value| with(&[("tests", json!([{"events": [{"at": "0s", "payload": payload}]}]))]);
    assert!(read(&event(json!("{\"n\": 1e400}"))).is_ok());
    refused(&event(json!("{\"n\": }")), ProblemCode::NotJson, "/tests/0/events/0/payload");
    refused(&event(json!([1])), WrongType, "/tests/0/events/0/payload");
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&event(json!(deep(64)))).is_ok());
    refused(&event(json!(deep(65))), LimitPassed, "/tests/0/events/0/payload");
    let nested: Value = serde_json::from_str(&format!("{{\"a\": {}}}", deep(64))).unwrap();
    refused(&event(nested), LimitPassed, "/tests/0/events/0/payload");
    let group = |group: Value| with(&[("tests", json!([{"expect": [{"group": group}]}]))]);
    assert!(read(&group(json!({}))).is_ok());
    refused(&group(json!({"user": "a"})), Conflict, "/tests/0/expect/0/group");
    refused(&group(json!({"user": []})), OutOfRange, "/tests/0/expect/0/group");
}

#[test]
fn so_many_problems_are_told_and_no_more() {
    let mut document = with(&[]);
    for number in 0..200 {
        document[format!("x{number}")] = json!(1);
    }
    assert_eq!(problems(&document).len(), 100);
}
