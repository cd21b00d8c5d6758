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
        ("none $.a in[1,'x',true,null,-2e5]", r#"none $.a in [1, "x", true, null, -200000]"#),
        ("$.a not  in ['a']ignoreCase", r#"$.a not in ["a"] ignoreCase"#),
        ("$.a in cidr ['10.0.0.0/8']", r#"$.a in cidr "10.0.0.0/8""#),
        ("$.a =~ 'x'", r#"$.a regex "x""#),
        ("$.a contains [1, 2]", "$.a contains [1, 2]"),
        ("$.a.length()>0", "$.a.length() > 0"),
        ("$.a.length>0", "$.a.length > 0"),
        ("$.a[?(@.b == 'x y')].c  missing", "$.a[?(@.b == 'x y')].c missing"),
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

/// One fault per line: the condition and what is said of it.
#[test]
fn faults_say_where_they_are_what_was_found_and_what_was_expected() {
    for line in include_str!("faults.txt").lines() {
        let (text, expected) = line.split_once("  =>  ").unwrap();
        assert_eq!(refused(&text.replace("\\n", "\n")).to_string(), expected, "{text}");
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
    assert_eq!(refused(&format!("$.a regex '{}'", "a".repeat(513))).code, ProblemCode::LimitPassed);
    let many = vec!["$.a regex 'a'"; 65].join(" && ");
    assert_eq!(refused(&many).message, "the conditions of the rule have 65 regular expressions");
}

#[test]
fn limits_are_named_and_no_text_takes_long() {
    let nested = |depth: usize| format!("{}$.a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Condition::parse(&nested(NESTING_MAX), &[]).is_ok());
    assert_eq!(refused(&nested(NESTING_MAX + 1)).message, "the nesting of groups is 33");
    assert_eq!(refused(&"(".repeat(60_000)).code, ProblemCode::LimitPassed);
    assert_eq!(refused(&"!(".repeat(30_000)).code, ProblemCode::LimitPassed);
    let alternating = |depth: usize| "($.a && !".repeat(depth) + "$.a" + &")".repeat(depth);
    assert_eq!(refused(&alternating(20)).message, "the nesting of groups is 40");
    assert_eq!(refused(&vec!["$.a"; 1025].join("||")).message, "the conditions of the rule have 1025 tests");
    assert_eq!(refused(&"$".repeat(300_000)).message, "the length in bytes is 300000");
    assert_eq!(refused(&format!("$.{}", "a".repeat(5_000))).code, ProblemCode::LimitPassed);
    assert_eq!(refused(&format!("$.a == '{}", "x".repeat(60_000))).place.column, 8);
    assert_eq!(refused("$..a..b == 1").message, "number of descendant segments is 2, the limit is 1");
    assert_eq!(refused("$.a[?@.b == $.c]").code, ProblemCode::BadPath);
}
