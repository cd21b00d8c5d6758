use super::*;
use crate::document::Document;
use proptest::prelude::*;

fn condition(text: &str) -> Condition {
    Condition::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn holds(text: &str, payload: &str) -> bool {
    let document = Document::parse(payload, 64).unwrap();
    condition(text).holds(&document.root, &Selections::new())
}

#[track_caller]
fn table(payload: &str, cases: &[(&str, bool)]) {
    for (text, expected) in cases {
        assert_eq!(holds(text, payload), *expected, "{text} on {payload}");
    }
}

#[test]
fn original_meaning_ignores_empty_nodes_and_takes_every_type() {
    let condition = Test::selects_content(crate::path::Path::parse("$.x").unwrap());
    let holds = |payload: &str| condition.holds(&Document::parse(payload, 64).unwrap().root);
    for empty in ["null", "\"\"", "[]", "{}"] {
        assert!(!holds(&format!(r#"{{"x":{empty}}}"#)), "{empty}");
    }
    // The original system matched strings only.
    for content in ["false", "0", "\"a\"", "[null]", r#"{"a":null}"#] {
        assert!(holds(&format!(r#"{{"x":{content}}}"#)), "{content}");
    }
    assert!(!holds(r#"{"y":1}"#));
}

#[test]
fn a_path_alone_exists_whatever_its_value() {
    table(
        r#"{"a":null,"b":false}"#,
        &[
            ("$.a", true),
            ("$.b", true),
            ("$.c", false),
            ("!$.c", true),
            ("$.c missing", true),
            ("$.a missing", false),
        ],
    );
}

#[test]
fn a_missing_path_fails_every_comparison_but_unequal_and_not_in() {
    table(
        "{}",
        &[
            ("$.a == 1", false),
            ("$.a != 1", true),
            ("$.a < 1", false),
            ("$.a >= 1", false),
            ("$.a in [1]", false),
            ("$.a not in [1]", true),
            ("$.a contains 1", false),
            ("$.a empty", false),
            ("$.a notEmpty", false),
            ("$.a regex 'x'", false),
            ("every $.a == 1", false),
            ("none $.a == 1", true),
            ("any $.a != 1", false),
            ("every $.a != 1", true),
            ("none $.a != 1", true),
            ("every $.a in [1]", false),
        ],
    );
}

#[test]
fn nothing_is_converted_and_numbers_are_exact() {
    table(
        r#"{"a":1,"b":"1","c":9007199254740993,"d":1e999,"e":true,"f":null}"#,
        &[
            ("$.a == 1.0", true),
            ("$.a == 1e0", true),
            ("$.a == '1'", false),
            ("$.b == 1", false),
            ("$.b == '1'", true),
            ("$.a == true", false),
            ("$.c == 9007199254740992", false),
            ("$.c == 9007199254740993", true),
            ("$.c > 9007199254740992.9", true),
            ("$.d > 1e998", true),
            ("$.d == 10e998", true),
            ("$.a < '2'", false),
            ("$.e > 0", false),
            ("$.f == null", true),
            ("$.f < 1", false),
            ("$.a == -0", false),
        ],
    );
}

#[test]
fn strings_compare_by_code_points() {
    table(
        r#"{"a":"\ud83d\ude00","b":"Z","c":"a"}"#,
        &[
            ("$.a > \"\u{ffff}\"", true),
            ("$.b < 'a'", true),
            ("$.c >= 'a'", true),
            ("$.c > 'a'", false),
            ("$.c < ''", false),
        ],
    );
}

#[test]
fn quantifiers_speak_of_all_nodes_of_the_path() {
    table(
        r#"{"l":[1,2,3],"n":[]}"#,
        &[
            ("$.l[*] == 2", true),
            ("every $.l[*] > 0", true),
            ("every $.l[*] > 1", false),
            ("none $.l[*] > 3", true),
            ("none $.l[*] == 2", false),
            ("$.l[*] != 2", false),
            ("$.l[*] != 5", true),
            ("any $.l[*] != 2", true),
            ("$.l[*] not in [7, 8]", true),
            ("$.l[*] not in [1]", false),
            ("any $.l[*] not in [1]", true),
            ("every $.n[*] == 1", false),
            ("every $.n[*] != 1", true),
            ("none $.l[*] != 1", false),
        ],
    );
}

#[test]
fn contains_is_a_part_of_a_string_or_an_element_of_an_array() {
    table(
        r#"{"s":"abc","l":["abc",1,null],"o":{"abc":1}}"#,
        &[
            ("$.s contains 'bc'", true),
            ("$.s contains ['x', 'c']", true),
            ("$.l contains 'bc'", false),
            ("$.l contains 'abc'", true),
            ("$.l contains 1.0", true),
            ("$.l contains null", true),
            ("$.l contains '1'", false),
            ("$.o contains 'abc'", false),
            ("$.l contains 'ABC' ignoreCase", true),
            ("$.s contains ''", true),
            ("$.s startsWith 'ab'", true),
            ("$.s startsWith ['x', 'a']", true),
            ("$.s endsWith 'bc'", true),
            ("$.s endsWith 'ab'", false),
            ("$.l startsWith 'a'", false),
        ],
    );
}

#[test]
fn case_is_ignored_one_code_point_at_a_time() {
    table(
        r#"{"a":"ÄBC","s":"straße","i":"İx"}"#,
        &[
            ("$.a == 'äbc'", false),
            ("$.a == 'äbc' ignoreCase", true),
            ("$.a != 'äbc' ignoreCase", false),
            ("$.a in ['x', 'Äbc'] ignoreCase", true),
            ("$.s == 'STRASSE' ignoreCase", false),
            ("$.s == 'STRAẞE' ignoreCase", true),
            ("$.i == 'iX' ignoreCase", true),
            ("$.a endsWith 'bc' ignoreCase", true),
            ("$.a regex '^äb' ignoreCase", true),
            ("$.a regex '^äb'", false),
        ],
    );
}

#[test]
fn regexes_look_anywhere_and_networks_take_addresses() {
    table(
        r#"{"s":"deploy-42","ip":"::ffff:10.1.2.3","n":1}"#,
        &[
            ("$.s regex '[0-9]+'", true),
            ("$.s =~ '^[0-9]+$'", false),
            ("$.s =~ ['x', '^dep']", true),
            ("$.n regex '1'", false),
            ("$.ip in cidr '10.0.0.0/8'", true),
            ("$.ip in cidr ['1.0.0.0/8', '10.1.0.9/16']", true),
            ("$.s in cidr '0.0.0.0/0'", false),
        ],
    );
}

#[test]
fn lengths_are_of_strings_arrays_and_objects() {
    table(
        r#"{"s":"aé😀","l":[1,2],"o":{"length":9,"x":1},"n":5,"m":{"x":1}}"#,
        &[
            ("$.s.length() == 3", true),
            ("$.l.length() == 2", true),
            ("$.o.length() == 2", true),
            ("$.n.length() >= 0", false),
            ("$.n.length()", false),
            ("$.s.length > 2", true),
            ("$.l.length > 0", true),
            ("$.o.length == 9", true),
            ("$.m.length > 0", false),
            ("$.m.length missing", true),
            ("$.o.length == '9'", false),
            ("$.l.length", false),
            ("$.l['length'] > 0", false),
            ("$.length() == 5", true),
            ("$.length == 5", false),
            ("$.s.length in [3]", false),
            ("$.s.length() in [3]", true),
            ("$.l.length != 2", false),
            ("$.l.length != 3", true),
            ("$.*.length > 8", true),
        ],
    );
}

#[test]
fn empty_is_null_and_everything_with_nothing_in_it() {
    table(
        r#"{"a":null,"b":"","c":[],"d":{},"e":0,"f":[null]}"#,
        &[
            ("every $['a','b','c','d'] empty", true),
            ("$.e empty", false),
            ("$.e notEmpty", true),
            ("$.f notEmpty", true),
            ("$.c notEmpty", false),
            ("none $.* empty", false),
        ],
    );
}

#[test]
fn and_binds_stronger_than_or() {
    table(
        r#"{"a":1}"#,
        &[
            ("$.a == 1 || $.a == 2 && $.a == 3", true),
            ("($.a == 1 || $.a == 2) && $.a == 3", false),
            ("!($.a == 2) && $.a", true),
            ("!$.b || $.c", true),
        ],
    );
}

#[test]
fn selections_are_looked_up_by_name() {
    let name = SelectionName::new("mine").unwrap();
    let stated = Stated { condition: condition("$.a == 1"), form: Form::Text };
    let selections: Selections = [(name.clone(), stated)].into_iter().collect();
    let condition = Condition::parse("mine && !($.b == 1)", &[name]).unwrap();
    let on = |payload: &str| condition.holds(&Document::parse(payload, 64).unwrap().root, &selections);
    assert!(on(r#"{"a":1}"#));
    assert!(!on(r#"{"a":1,"b":1}"#) && !on("{}"));
    assert_eq!(condition.to_text().unwrap(), "mine && !($.b == 1)");
    let odd: Vec<_> = ["or", "And", "True"].into_iter().filter_map(SelectionName::new).collect();
    let condition = Condition::parse("or || And && !True", &odd).unwrap();
    assert_eq!(condition.to_text().unwrap(), "or || And && !True");
    for text in ["", "1a", "a-b", "every", "in", "null", "ä"] {
        assert_eq!(SelectionName::new(text), None, "{text}");
    }
}

#[test]
fn clauses_are_counted_without_being_written_out() {
    let clauses = |text: &str| condition(text).clauses(&Selections::new());
    assert_eq!(clauses("$.a"), 1);
    assert_eq!(clauses("$.a in [1, 2, 3] && $.b"), 1);
    assert_eq!(clauses("($.a || $.b) && ($.c || $.d || $.e)"), 6);
    assert_eq!(clauses("!($.a && $.b)"), 2);
    assert_eq!(clauses("!(($.a || $.b) && ($.c || $.d))"), 2);
    let six = ["($.a || $.b)"; 6].join(" && ");
    assert!(!condition(&six).needs_fallback(&Selections::new()));
    assert!(condition(&format!("{six} && ($.a || $.b)")).needs_fallback(&Selections::new()));
    let many = vec!["($.a || $.b)"; 200].join(" && ");
    assert_eq!(clauses(&many), u64::MAX);
}

#[test]
fn groups_are_flat_and_a_group_of_one_is_its_part() {
    assert_eq!(condition("$.a && ($.b && $.c)"), condition("($.a && $.b) && $.c"));
    assert_eq!(condition("(($.a))"), condition("$.a exists"));
    assert_eq!(condition("$.a && ($.b || $.c)").nesting(), 2);
}

proptest! {
    /// The laws that people rely on without thinking of them, over payloads with no, one and several nodes.
    #[test]
    fn negations_are_what_they_look_like(
        payload in prop::sample::select(vec![
            "{}", r#"{"a":1}"#, r#"{"a":"X"}"#, r#"{"a":[1,"x",null]}"#, r#"{"a":[]}"#, r#"{"a":{"b":"x"}}"#, r#"{"a":[[1],{"x":1}]}"#,
        ]),
        path in prop::sample::select(vec!["$.a", "$.a[*]", "$..*", "$.a.length()"]),
        value in prop::sample::select(vec!["1", "'x'", "null", "2.0"]),
        case in prop::sample::select(vec!["", " ignoreCase"]),
    ) {
        let on = |text: String| holds(&text, payload);
        prop_assert_eq!(on(format!("{path} != {value}{case}")), on(format!("!({path} == {value}{case})")));
        prop_assert_eq!(on(format!("{path} not in [{value}, 7]{case}")), on(format!("!({path} in [{value}, 7]{case})")));
        prop_assert_eq!(on(format!("none {path} == {value}{case}")), on(format!("!({path} == {value}{case})")));
        prop_assert_eq!(on(format!("{path} in [{value}]{case}")), on(format!("{path} == {value}{case}")));
        prop_assert_eq!(on(format!("{path} missing")), on(format!("!{path}")));
        let some_differ = on(path.to_owned()) && !on(format!("every {path} == {value}{case}"));
        prop_assert_eq!(on(format!("any {path} != {value}{case}")), some_differ);
    }
}
