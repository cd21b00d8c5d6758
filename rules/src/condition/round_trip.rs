//! Conditions by chance: both forms print back to the same condition, and no text is too much for the parsers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::document::Document;

fn names() -> Vec<SelectionName> {
    ["mine", "other_1"].into_iter().filter_map(SelectionName::new).collect()
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter_map("JSON has no such number", |number| serde_json::Number::from_f64(number)
                .map(Value::from)),
        any::<String>().prop_map(Value::from),
        "[a-z'\"\\\\ ]{0,6}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let paths = [
        "$",
        "$.a",
        "$.a.b[0]",
        "$..a",
        "$['a b']",
        "$[*].x",
        "$.a[?(@.b == 'x y' && @.c > 1e400)].d",
        "$ .a [ 'b' ]",
        "$.é",
        "$.a.length",
        "$.a.length()",
        "$.length",
        "$.length.length",
        "$[?match(@.a, 'x.*')]",
        "$.a[1:2,'c']",
        "$.a['length']",
        "$..length",
        "$[\"\\u0027\"]",
    ];
    prop::sample::select(paths.to_vec()).prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Value> {
    let texts = || prop::collection::vec("[a-z'\"\\\\.]{0,6}", 1..3);
    let quantifier = || prop::sample::select(vec!["any", "every", "none"]);
    let fields = prop_oneof![
        (prop::sample::select(vec!["eq", "ne"]), scalar(), any::<bool>(), quantifier())
            .prop_map(|(op, value, ignore, quantifier)| json!({"op": op, "value": value, "ignoreCase": ignore, "quantifier": quantifier})),
        (prop::sample::select(vec!["gt", "gte", "lt", "lte"]), any::<i64>()).prop_map(|(op, value)| json!({"op": op, "value": value})),
        (prop::sample::select(vec!["gt", "lte"]), any::<String>(), quantifier())
            .prop_map(|(op, value, quantifier)| json!({"op": op, "value": value, "quantifier": quantifier})),
        (prop::sample::select(vec!["in", "notIn", "contains"]), prop::collection::vec(scalar(), 1..4), any::<bool>())
            .prop_map(|(op, values, ignore)| json!({"op": op, "values": values, "ignoreCase": ignore})),
        (prop::sample::select(vec!["startsWith", "endsWith"]), texts(), quantifier())
            .prop_map(|(op, values, quantifier)| json!({"op": op, "values": values, "quantifier": quantifier})),
        (prop::sample::select(vec!["exists", "missing", "empty", "notEmpty"])).prop_map(|op| json!({"op": op})),
        Just(json!({"op": "cidr", "values": ["10.0.0.0/8", "::1/128"]})),
        Just(json!({"op": "regex", "value": "^a\\d+'\"", "ignoreCase": true})),
    ];
    (path(), fields).prop_map(|(path, mut fields)| {
        fields["jsonPath"] = path.into();
        fields
    })
}

fn structured() -> impl Strategy<Value = Value> {
    let names =
        || prop::sample::select(vec![json!("mine"), json!("other_1"), json!("!mine || $.a == 1e999")]);
    prop_oneof![4 => leaf(), 1 => names()].prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    })
}

fn token() -> impl Strategy<Value = String> {
    let tokens = [
        "$",
        ".a",
        "..",
        "[",
        "]",
        "(",
        ")",
        "!",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        "=~",
        "=",
        " ",
        " in ",
        " not ",
        "cidr",
        " contains ",
        " exists",
        "every ",
        "any ",
        "none ",
        "1",
        "-",
        "1e9",
        "'x'",
        "\"",
        "'",
        "\\",
        "true",
        "null",
        "@",
        "?",
        "mine",
        ",",
        ":",
        "*",
        ".length()",
        ".length",
        " ignoreCase",
        "match(",
        "count(",
        "length(",
        "é",
        "\n",
        "\0",
        "regex '(a'",
    ];
    prop::sample::select(tokens.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_to_the_same_condition(value in structured()) {
        let names = names();
        let condition = match Condition::read(&Node::from(&value), &names) {
            Ok(condition) => condition,
            Err(invalid) => panic!("{value}: {invalid}"),
        };
        let text = condition.to_text().expect("only scalars are compared");
        prop_assert_eq!(&Condition::parse(&text, &names).unwrap_or_else(|error| panic!("{text}: {error}")), &condition, "{}", text);
        let json = condition.to_value().to_string();
        let document = Document::parse(&json, 200).unwrap();
        prop_assert_eq!(&Condition::read(&document.root, &names).unwrap(), &condition, "{}", json);
    }

    #[test]
    fn no_text_is_too_much_and_what_is_accepted_prints_back(tokens in prop::collection::vec(token(), 0..30)) {
        let names = names();
        let text = tokens.concat();
        if let Ok(condition) = Condition::parse(&text, &names) {
            let printed = condition.to_text().unwrap();
            prop_assert_eq!(Condition::parse(&printed, &names), Ok(condition), "{} printed as {}", text, printed);
        }
    }

    #[test]
    fn any_characters_are_answered(text in any::<String>()) {
        for text in [text.clone(), format!("$.a == {text}"), format!("$[?{text}")] {
            if let Err(error) = Condition::parse(&text, &[]) {
                prop_assert!(!error.message.is_empty() && !error.expected.is_empty());
            }
        }
    }

    #[test]
    fn json_of_any_shape_is_answered(value in structured(), from in 0usize..200, by in "[\\[\\]{}\",:a-z0-9$.]{0,3}") {
        let mut text = value.to_string();
        if text.is_char_boundary(from.min(text.len())) {
            text.insert_str(from.min(text.len()), &by);
        }
        if let Ok(document) = Document::parse(&text, 200) {
            match Condition::read(&document.root, &names()) {
                Ok(_) => {},
                Err(invalid) => prop_assert!(!invalid.problems.is_empty()),
            }
        }
    }
}
