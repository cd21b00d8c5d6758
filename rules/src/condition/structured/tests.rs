use super::*;
use crate::document::Document;

fn read_all(text: &str) -> Result<Condition, Vec<Problem>> {
    let document = Document::parse(text, 200).unwrap();
    let mut problems = Vec::new();
    let condition = read(&document.root, "/match", &mut Scope::new(&[]), &mut problems);
    condition.filter(|_| problems.is_empty()).ok_or(problems)
}

#[test]
fn both_forms_read_to_one_condition() {
    for (json, text) in [
        (r#"{"jsonPath":"$.a","op":"exists"}"#, "$.a"),
        (r#"{"jsonPath":"$.a","op":"eq","value":1}"#, "$.a == 1.0"),
        (r#"{"jsonPath":"$.a","op":"in","values":["x",1],"ignoreCase":true}"#, "$.a in ['x', 1] ignoreCase"),
        (r#"{"jsonPath":"$.a","op":"contains","value":"x"}"#, "$.a contains 'x'"),
        (r#"{"jsonPath":"$.a","op":"contains","values":["x"]}"#, "$.a contains ['x']"),
        (r#"{"jsonPath":"$ .a [0]","op":"gt","value":"x","quantifier":"every"}"#, "every $.a[0] > 'x'"),
        (r#"{"jsonPath":"$.a.length()","op":"gte","value":3}"#, "$.a.length() >= 3"),
        (r#"{"jsonPath":"$.a.length","op":"gte","value":3}"#, "$.a.length >= 3"),
        (
            r#"{"all":[{"jsonPath":"$.a","op":"missing"},"$.b || $.c",{"not":{"any":["$.d","$.e"]}}]}"#,
            "$.a missing && ($.b || $.c) && !($.d || $.e)",
        ),
        (r#"{"any":["$.a == 1"]}"#, "$.a == 1"),
        (r#"{"jsonPath":"$.a","op":"cidr","values":["10.0.0.0/8"]}"#, "$.a in cidr '10.0.0.0/8'"),
    ] {
        let condition = read_all(json).unwrap_or_else(|problems| panic!("{json}: {problems:?}"));
        assert_eq!(condition, Condition::parse(text, &[]).unwrap(), "{json}");
        assert_eq!(read_all(&condition.to_value().to_string()), Ok(condition), "{json}");
    }
}

#[test]
fn arrays_and_objects_are_compared_in_the_structured_form_alone() {
    let condition = read_all(r#"{"jsonPath":"$.a","op":"eq","value":{"b":[1,2.0]}}"#).unwrap();
    let on =
        |payload: &str| condition.holds(&Document::parse(payload, 64).unwrap().root, &Default::default());
    assert!(on(r#"{"a":{"b":[1.0,2]}}"#));
    assert!(!on(r#"{"a":{"b":[2,1]}}"#));
    assert_eq!(condition.to_text(), None);
    assert_eq!(read_all(&condition.to_value().to_string()), Ok(condition));
}

#[test]
fn a_number_that_programs_round_is_written_as_text() {
    let condition = read_all(r#"{"not":{"jsonPath":"$.a","op":"gt","value":1e400}}"#).unwrap();
    assert_eq!(condition.to_value(), serde_json::json!({"not": "$.a > 1e400"}));
    assert_eq!(read_all(&condition.to_value().to_string()), Ok(condition));
    let problems = read_all(r#"{"jsonPath":"$.a","op":"eq","value":[1e400]}"#).unwrap_err();
    assert_eq!((problems[0].code, problems[0].pointer.as_str()), (ProblemCode::BadOperand, "/match/value"));
}

#[test]
fn every_problem_is_reported_at_once_with_its_pointer() {
    let json = r#"{"all":[
        {"jsonPath":"$.a[","op":"equals","value":1},
        {"jsonPath":"$.a","op":"gt","value":true},
        {"jsonPath":"$.a","op":"eq","value":1,"values":[1]},
        {"jsonPath":"$.a","op":"in","values":[1,[2]]},
        {"jsonPath":"$.a","op":"exists","quantifier":"any"},
        {"jsonPath":"$.a","op":"lt","value":1,"ignoreCase":true},
        {"any":[]},
        "$.a = 1",
        {"not":7},
        {"op":"exists","a/b":1},
        {"jsonPath":"$.a","op":"regex","values":["a","("]},
        {"jsonPath":"$.a","op":"exists","quantifier":"some"},
        {"all":["$.a"],"not":"$.b"},
        {"jsonPath":"$.a","op":"ne"},
        {},
        "nobody"
    ]}"#;
    let found: Vec<_> =
        read_all(json).unwrap_err().into_iter().map(|problem| (problem.code, problem.pointer)).collect();
    let expected = [
        (ProblemCode::BadPath, "/0/jsonPath"),
        (ProblemCode::OutOfRange, "/0/op"),
        (ProblemCode::BadOperand, "/1/value"),
        (ProblemCode::BadOperand, "/2"),
        (ProblemCode::BadOperand, "/3/values/1"),
        (ProblemCode::BadOperand, "/4/quantifier"),
        (ProblemCode::BadOperand, "/5/ignoreCase"),
        (ProblemCode::OutOfRange, "/6/any"),
        (ProblemCode::BadCondition, "/7"),
        (ProblemCode::WrongType, "/8/not"),
        (ProblemCode::UnknownField, "/9/a~1b"),
        (ProblemCode::MissingField, "/9"),
        (ProblemCode::BadPattern, "/10/values/1"),
        (ProblemCode::OutOfRange, "/11/quantifier"),
        (ProblemCode::UnknownField, "/12/not"),
        (ProblemCode::BadOperand, "/13"),
        (ProblemCode::MissingField, "/14"),
        (ProblemCode::UnknownSelection, "/15"),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(code, pointer)| (code, format!("/match/all{pointer}"))).collect();
    assert_eq!(found, expected);
}

#[test]
fn conditions_nest_32_deep() {
    let nested = |depth: usize| "{\"not\":".repeat(depth) + "\"$.a\"" + &"}".repeat(depth);
    assert!(read_all(&nested(32)).is_ok());
    assert_eq!(read_all(&nested(33)).unwrap_err()[0].code, ProblemCode::LimitPassed);
    let mixed = nested(20).replace("\"$.a\"", &format!("\"{}$.a{}\"", "!(".repeat(20), ")".repeat(20)));
    assert_eq!(read_all(&mixed).unwrap_err()[0].message, "the nesting of groups is 40");
}

#[test]
fn no_condition_makes_more_problems_than_anybody_reads() {
    let problems = read_all(&format!("{{\"any\":[{}]}}", vec!["\"\""; 20_000].join(","))).unwrap_err();
    assert_eq!(problems.len(), 100);
}
