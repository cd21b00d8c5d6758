use super::*;
use crate::document::Document;

fn selected(path: &str, document: &str) -> Vec<String> {
    let document = Document::parse(document, 64).unwrap();
    let path = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    path.select(&document.root).into_iter().map(Node::to_string).collect()
}

#[test]
fn selects_by_name_index_wildcard_and_filter() {
    let document = r#"{"acl": [{"scope": "anyone", "n": 1}, {"scope": "team", "n": 2}]}"#;
    let cases: [(&str, &[&str]); 8] = [
        ("$.acl[0].n", &["1"]),
        ("$.acl[*].n", &["1", "2"]),
        ("$.acl[?(@.scope == 'team')].n", &["2"]),
        ("$..n", &["1", "2"]),
        ("$.missing", &[]),
        ("$.acl[-1]['scope','n']", &["\"team\"", "2"]),
        ("$ .acl [ 0 ] .n", &["1"]),
        ("$.acl[::-1].n", &["2", "1"]),
    ];
    for (path, expected) in cases {
        assert_eq!(selected(path, document), expected, "{path}");
    }
}

#[test]
fn numbers_in_filters_compare_exactly() {
    let document = r#"[1, 1.0, 2, 9007199254740992, 9007199254740993, 1e-17, 1e400]"#;
    let cases: [(&str, &[&str]); 6] = [
        ("$[?@ == 1e0]", &["1", "1"]),
        ("$[?@ == 9007199254740993]", &["9007199254740993"]),
        ("$[?@ == 2e-17]", &[]),
        ("$[?@ > 1e399]", &["1e400"]),
        ("$[?@ < 123456789012345678901234567890 && @ > 2]", &["9007199254740992", "9007199254740993"]),
        ("$[?@ <= 0.00000000000000001]", &["1e-17"]),
    ];
    for (path, expected) in cases {
        assert_eq!(selected(path, document), expected, "{path}");
    }
}

#[test]
fn descendants_come_node_by_node() {
    let document = r#"{"a": {"d": 1, "a": 2}, "d": 3}"#;
    assert_eq!(selected("$..['a','d']", document), [r#"{"d":1,"a":2}"#, "3", "2", "1"]);
    assert_eq!(selected("$[?@[?@>1]]", document), [r#"{"d":1,"a":2}"#]);
}

#[test]
fn a_text_that_is_no_path_is_refused_with_its_place() {
    for (text, column) in [
        ("", 1),
        ("acl", 1),
        ("$.", 3),
        ("$.a[", 5),
        ("$.a b", 4),
        ("$.foo bar", 6),
        ("$[?@.foo bar]", 10),
        ("$.ä.1", 5),
        ("$['a", 3),
        ("$[?@.a = 1]", 8),
        ("$[?@.* == 1]", 4),
        ("$[?!@.a == 1]", 5),
        ("$[?foo(@)]", 4),
        ("$.a ", 4),
        ("$[01]", 3),
    ] {
        match Path::parse(text) {
            Err(PathError::Syntax(message)) => {
                assert!(message.ends_with(&format!("at column {column}")), "{text}: {message}");
            },
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn every_limit_is_named() {
    let limited = |text: &str| match Path::parse(text) {
        Err(PathError::Limit { what, .. }) => what,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(limited(&format!("$.{}", "a".repeat(5000))), "length in bytes");
    assert_eq!(limited(&format!("${}", ".a".repeat(17))), "number of segments");
    assert_eq!(limited("$..a..b"), "number of descendant segments");
    assert_eq!(limited("$[?(@[?(@[?(@.a)])])]"), "nesting of filters");
    assert_eq!(limited(&format!("$[?{}@.a{}]", "(".repeat(40), ")".repeat(40))), "nesting of parentheses");
    assert_eq!(limited("$[?length(length(length(length(@)))) > 1]"), "nesting of functions");
    assert_eq!(limited(&format!("${}", "[0,0,0]".repeat(3))), "number of ways to select one node");
    let nested = "$[*,*,*][?@[*,*][?@[*,*,*]]]";
    assert_eq!(limited(nested), "number of ways to select one node");
    assert!(Path::parse("$[*,*,*][?@[*,*,*], ?@[*,*]].b[?@[*,*]]").is_ok());
    assert_eq!(
        limited(&format!("$[?match(@, '{}')]", "a".repeat(600))),
        "length of a regular expression in bytes"
    );
    assert_eq!(limited(&format!("$[{}]", ["*"; 17].join(","))), "number of ways to select one node");
    assert!(
        Path::parse(&format!("$[{}]", (0..90).map(|n| format!("'{n}',{n}")).collect::<Vec<_>>().join(",")))
            .is_ok()
    );
    assert!(Path::parse(&format!("${}", ".a".repeat(16))).is_ok());
    assert!(Path::parse("$[?@[?@.a], ?@.b].c[?@[?@.a]]").is_ok());
}

/// The time of a common parser is exponential here.
#[test]
fn malformed_nesting_is_refused_at_once() {
    for text in [
        format!("$[?{}", "length(".repeat(500)),
        format!("$[?{}", "(".repeat(4000)),
        "$[?".repeat(1000),
        "$[?@.a||".repeat(500),
    ] {
        assert!(Path::parse(&text).is_err());
    }
}

#[test]
fn the_root_inside_a_filter_is_refused() {
    for text in ["$.a[?(@.b == $.c)]", "$.a[?($.c)]", "$.a[?count($.c) > 1]"] {
        assert_eq!(Path::parse(text), Err(PathError::RootInFilter), "{text}");
    }
}

#[test]
fn patterns_are_literals_that_compile() {
    assert_eq!(Path::parse("$[?match(@.a, @.b)]"), Err(PathError::PatternNotLiteral));
    assert!(matches!(Path::parse("$[?match(@.a, '[')]"), Err(PathError::Pattern(_))));
    assert_eq!(selected("$[?match(@, 'a.')]", r#"["ab", "xab", "a\r"]"#), ["\"ab\""]);
    assert_eq!(selected("$[?search(@, 'a.')]", r#"["ab", "xab", "a\r", 1]"#), ["\"ab\"", "\"xab\""]);
}

#[test]
fn a_path_is_equal_to_another_spelling_of_itself() {
    let path = |text: &str| Path::parse(text).unwrap();
    assert_eq!(path("$.a[?(@.b==1.0)]"), path("$ ['a'][? @[\"b\"] == 1 ]"));
    assert_eq!(path("$ .a [0]").text(), "$.a[0]");
    assert_ne!(path("$.a.bc"), path("$.ab.c"));
}

#[test]
fn a_path_of_names_alone_tells_them() {
    let names = |text: &str| Path::parse(text).unwrap().names().map(|names| names.join("/"));
    assert_eq!(names("$").as_deref(), Some(""));
    assert_eq!(names("$.a['b c'].d").as_deref(), Some("a/b c/d"));
    for other in ["$.a[0]", "$..a", "$.a[*]", "$['a','b']", "$[?@.a]"] {
        assert_eq!(names(other), None, "{other}");
    }
}
