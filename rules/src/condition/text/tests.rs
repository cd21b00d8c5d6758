use super::*;

#[track_caller]
fn refused(text: &str) -> ConditionError {
    match Condition::parse(text, &[]) {
        Err(error) => error,
        Ok(condition) => panic!("{text}: {condition:?}"),
    }
}

#[test]
fn conditions_print_with_the_parentheses_that_they_need() {
    for (text, expected) in [
        ("($.a)", "$.a"),
        ("$.a exists", "$.a"),
        ("(($.a == 'x') && $.b)", r#"$.a == "x" && $.b"#),
        ("($.a && $.b) || ($.c && $.d)", "$.a && $.b || $.c && $.d"),
        ("($.a || $.b) && !( $.c )", "($.a || $.b) && !$.c"),
        ("!(!$.a)", "!(!$.a)"),
        ("!($.a == 1.50)", "!($.a == 1.5)"),
        ("!($.a || $.b)", "!($.a || $.b)"),
        ("any $.a==1", "$.a == 1"),
        ("every $.a != 1", "$.a != 1"),
        ("any $.a!=1", "any $.a != 1"),
        (
            "none $.a in[1,'x',true,null,-2e5]",
            r#"none $.a in [1, "x", true, null, -200000]"#,
        ),
        ("$.a not  in ['a']ignoreCase", r#"$.a not in ["a"] ignoreCase"#),
        ("$.a in cidr ['10.0.0.0/8']", r#"$.a in cidr "10.0.0.0/8""#),
        ("$.a =~ 'x'", r#"$.a regex "x""#),
        ("$.a contains [1, 2]", "$.a contains [1, 2]"),
        ("$.a.length()>0", "$.a.length() > 0"),
        ("$.a.length>0", "$.a.length > 0"),
        (
            "$.a[?(@.b == 'x y')].c  missing",
            "$.a[?(@.b == 'x y')].c missing",
        ),
        ("$['a b'] == \"q\\\"\\u0001\"", "$['a b'] == \"q\\\"\\u0001\""),
        ("\n $.a\t==\r\n1 ", "$.a == 1"),
        ("$.a<5", "$.a < 5"),
        ("$[?@.a<5&&@.b]&&$.c", "$[?@.a<5&&@.b] && $.c"),
    ] {
        let condition = Condition::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(condition.to_text().as_deref(), Some(expected));
        assert_eq!(Condition::parse(expected, &[]), Ok(condition), "{expected}");
    }
}

#[test]
fn faults_say_where_they_are_what_was_found_and_what_was_expected() {
    for (text, expected) in [
        (
            "",
            "line 1 column 1: found the end; expected a path such as $.a, the name of a selection, `!` or `(`",
        ),
        ("$.a = 1", "line 1 column 5: found `=`; expected `==`"),
        ("$.a === 1", "line 1 column 5: found `=`; expected `==`"),
        ("$.a <> 1", "line 1 column 5: found `<`; expected `!=`"),
        ("$.a == 1 and $.b", "line 1 column 10: found `and`; expected `&&`"),
        ("$.a and $.b", "line 1 column 5: found `and`; expected `&&`"),
        ("$.a == 1 & $.b", "line 1 column 10: found `&`; expected `&&`"),
        ("($.a == 1 OR $.b)", "line 1 column 11: found `OR`; expected `||`"),
        (
            "!$.a == 1",
            "line 1 column 1: `!` stands before a comparison without parentheses; expected !($.a ...) with the whole comparison in parentheses",
        ),
        (
            "$.a\n  == x",
            "line 2 column 6: found `x`; expected a string in quotes, a number, true, false or null; a string needs quotes",
        ),
        (
            "$.a == $.b",
            "line 1 column 8: found `$`; expected a string in quotes, a number, true, false or null; two paths cannot be compared",
        ),
        (
            "$.a == [1]",
            "line 1 column 8: found `[`; expected a string in quotes, a number, true, false or null; arrays and objects are compared in the structured form",
        ),
        (
            "$.a startswith 'x'",
            "line 1 column 5: found `startswith`; expected `startsWith`; keywords are case-sensitive",
        ),
        (
            "$.a like 'x'",
            "line 1 column 5: found `like`; expected `contains`",
        ),
        (
            "$.a foo 'x'",
            "line 1 column 5: found `foo`; expected an operator, `&&`, `||` or the end",
        ),
        (
            "$.foo bar == 1",
            "line 1 column 7: found `bar`; expected an operator, `&&`, `||` or the end",
        ),
        (
            "action == 'x'",
            "line 1 column 1: `action` is not a path; expected a path, as in $.action",
        ),
        (
            "not $.a",
            "line 1 column 1: found `not`; expected `!` and parentheses, as in !($.a == 1)",
        ),
        (
            "$.a not contains 1",
            "line 1 column 9: found `contains`; expected `in` behind `not`; other operators are negated as in !($.a == 1)",
        ),
        (
            "($.a == 1",
            "line 1 column 10: found the end; expected `&&`, `||` or `)`",
        ),
        (
            "$.a == 1)",
            "line 1 column 9: found `)`; expected `&&`, `||` or the end",
        ),
        (
            "$.a in 1",
            "line 1 column 8: found `1`; expected a list, as in [1, 2]",
        ),
        (
            "$.a in []",
            "line 1 column 9: found `]`; expected a string in quotes, a number, true, false or null",
        ),
        (
            "$.a == 01",
            "line 1 column 8: found `01`; expected a number as JSON writes it",
        ),
        (
            "$.a == 'x",
            "line 1 column 8: the string has no closing quote; expected a string in quotes, with the escapes of JSON",
        ),
        (
            "any $.a",
            "line 1 column 8: found the end; expected an operator, since a quantifier says which nodes meet it",
        ),
        (
            "every $.a exists",
            "line 1 column 1: `exists` takes no quantifier; expected the path alone, since it speaks of all nodes",
        ),
        (
            "$.a > true",
            "line 1 column 7: `gt` has a boolean; expected a number or a string",
        ),
        (
            "$.a > 1 ignoreCase",
            "line 1 column 9: `gt` takes no `ignoreCase`; expected it with eq, ne, in, notIn, contains, startsWith, endsWith or regex",
        ),
        (
            "$.a startsWith ['x', 1]",
            "line 1 column 22: `startsWith` has a number; expected a string",
        ),
        (
            "$.a in cidr '10.0.0.0'",
            "line 1 column 13: this is no network; expected an address and a prefix, as in 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            "$.a-b == 1",
            "line 1 column 4: found `-`; expected an operator; a name with `-` goes in brackets and quotes, as in $['a-b']",
        ),
        (
            "$.a && nobody",
            "line 1 column 8: there is no selection `nobody`; expected a path such as $.nobody, or a selection of that name",
        ),
        (
            "$.a[ == 1",
            "line 1 column 6: not a JSONPath: found `=`, expected a name in quotes, an index, a slice, `*` or a filter `?`; expected an RFC 9535 path such as $.acl[?(@.scope == 'anyone')]",
        ),
        (
            "$.a ==",
            "line 1 column 7: found the end; expected a string in quotes, a number, true, false or null",
        ),
    ] {
        assert_eq!(refused(text).to_string(), expected, "{text}");
    }
}

#[test]
fn bad_patterns_are_refused_when_the_rule_is_written() {
    for text in [
        "$.a regex '('",
        "$.a regex '(?=x)'",
        r"$.a regex '(a{900}){900}'",
        r"$.a regex '(a)\\1'",
        "$[?match(@, '(')]",
    ] {
        assert_eq!(refused(text).code, ProblemCode::BadPattern, "{text}");
    }
    assert_eq!(
        refused(&format!("$.a regex '{}'", "a".repeat(513))).code,
        ProblemCode::LimitPassed
    );
    let many = vec!["$.a regex 'a'"; 65].join(" && ");
    assert_eq!(
        refused(&many).message,
        "the conditions of the rule have 65 regular expressions"
    );
}

#[test]
fn limits_are_named_and_no_text_takes_long() {
    let nested = |depth: usize| format!("{}$.a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Condition::parse(&nested(NESTING_MAX), &[]).is_ok());
    assert_eq!(
        refused(&nested(NESTING_MAX + 1)).message,
        "the nesting of groups is 33"
    );
    assert_eq!(refused(&"(".repeat(60_000)).code, ProblemCode::LimitPassed);
    assert_eq!(refused(&"!(".repeat(30_000)).code, ProblemCode::LimitPassed);
    let alternating = |depth: usize| "($.a && !".repeat(depth) + "$.a" + &")".repeat(depth);
    assert_eq!(refused(&alternating(20)).message, "the nesting of groups is 40");
    assert_eq!(
        refused(&vec!["$.a"; 1025].join("||")).message,
        "the conditions of the rule have 1025 tests"
    );
    assert_eq!(
        refused(&"$".repeat(70_000)).message,
        "the length in bytes is 70000"
    );
    assert_eq!(
        refused(&format!("$.{}", "a".repeat(5_000))).code,
        ProblemCode::LimitPassed
    );
    assert_eq!(
        refused(&format!("$.a == '{}", "x".repeat(60_000))).place.column,
        8
    );
    assert_eq!(
        refused("$..a..b == 1").message,
        "number of descendant segments is 2, the limit is 1"
    );
    assert_eq!(refused("$.a[?@.b == $.c]").code, ProblemCode::BadPath);
}
