use super::*;
use proptest::prelude::*;

fn root(text: &str) -> Node {
    Document::parse(text, 64).unwrap_or_else(|error| panic!("{text}: {error}")).root
}

#[test]
fn the_whole_grammar_is_read() {
    let text = " { \"a\" : [ 1 , -2.5e3 , true , false , null , \"\\u0041\\n\\/\" ] , \"\" : { } , \"b\" : [ ] }\r\n\t";
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(root(text), Node::from(&value));
}

#[test]
fn what_json_is_not_is_refused_with_its_place() {
    for (text, line, column) in [
        ("", 1, 1),
        ("  ", 1, 3),
        ("[1,]", 1, 4),
        ("[,1]", 1, 2),
        ("[1 2]", 1, 4),
        ("{\"a\":1,}", 1, 8),
        ("{\"a\" 1}", 1, 6),
        ("{a:1}", 1, 2),
        ("{'a':1}", 1, 2),
        ("[1", 1, 3),
        ("\"a", 1, 3),
        ("\"\n\"", 1, 2),
        ("\"\\x\"", 1, 3),
        ("\"\\u12\"", 1, 4),
        ("tru", 1, 1),
        ("TRUE", 1, 1),
        ("1 1", 1, 3),
        ("[1]]", 1, 4),
        ("01", 1, 1),
        ("1.", 1, 1),
        ("NaN", 1, 1),
        ("-Infinity", 1, 1),
        ("[\n 1,\n x]", 3, 2),
        ("\u{feff}1", 1, 1),
        ("1\0", 1, 2),
        ("\0", 1, 1),
        ("\u{a0}1", 1, 1),
        ("/**/1", 1, 1),
        ("\"é", 1, 3),
        ("\"\u{1}\"", 1, 2),
        ("[\"\0\"]", 1, 3),
    ] {
        match Document::parse(text, 64) {
            Err(DocumentError::Syntax { place, .. }) => {
                assert_eq!((place.line, place.column), (line, column), "{text:?}");
            },
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn depth_is_counted_in_brackets_and_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Document::parse(&nested(64), 64).is_ok());
    assert!(Document::parse("1", 0).is_ok());
    for depth in [65, 1_000_000] {
        let place = Place { line: 1, column: 65 };
        assert_eq!(Document::parse(&nested(depth), 64), Err(DocumentError::TooDeep { place, depth_max: 64 }));
    }
    assert!(Document::parse(&format!("[{}]", vec![nested(63); 50].join(",")), 64).is_ok());
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character_and_is_noted() {
    for (text, expected) in [
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud800""#, "\u{fffd}"),
        (r#""\udc00x""#, "\u{fffd}x"),
        (r#""\ud800\u0041""#, "\u{fffd}A"),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud800\n""#, "\u{fffd}\n"),
        (r#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
    ] {
        let document = Document::parse(text, 64).unwrap();
        assert_eq!(document.root.as_str(), Some(expected), "{text}");
        assert_eq!(document.replaced.is_some(), expected.contains('\u{fffd}'), "{text}");
    }
    let document = Document::parse("{\"a\":\n  \"x\\ud800\"}", 64).unwrap();
    assert_eq!(document.replaced, Some(Place { line: 2, column: 5 }));
    assert_eq!(Document::parse("\"\u{fffd}\"", 64).unwrap().replaced, None);
    assert!(Document::parse(r#""\ud800\u12""#, 64).is_err());
}

#[test]
fn of_duplicate_names_the_last_one_wins_after_unescaping() {
    assert_eq!(root(r#"{"a":1,"\u0061":2}"#), root(r#"{"a":2}"#));
    assert_eq!(root(r#"{"\ud800":1,"\ud801":2}"#), root(r#"{"\ufffd":2}"#));
}

#[test]
fn errors_do_not_quote_the_document() {
    for text in ["{\"secret\": secret}", "[\"secret\" \"secret\"]", "\"secret"] {
        assert!(!Document::parse(text, 64).unwrap_err().to_string().contains("secret"), "{text}");
    }
}

proptest! {
    #[test]
    fn random_text_is_accepted_where_serde_json_accepts_it(text in "[\\[\\]{}\",:\\\\ntu01-9eE.+\\- afls\\n]{0,24}") {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Document::parse(&text, 64).is_ok(), theirs);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Document::parse(&text, 64).is_ok(), theirs);
    }
}
