//! What a scenario says that is wrong, or expects what does not come: where, and what was expected.

#![allow(clippy::unwrap_used, reason = "a test")]

use scenario::{Scenario, check, ways};

fn refused(text: &str) -> String {
    Scenario::read(text).unwrap_err().to_string()
}

const RULE: &str = "rule two {\"match\": \"$.a\", \"threshold\": 2}\n";

#[test]
fn a_mistake_is_told_with_its_line_and_what_was_expected() {
    for (text, told) in [
        (
            "1s event {\"a\": 1}\n  => firing two",
            "line 2: there is no rule `two` here; expected a rule that is in force by then",
        ),
        (
            "soon event {}",
            "line 1: `soon` begins no line; expected `rule`, `=>`, or a time: durations since 1970",
        ),
        (
            "1s evnt {}",
            "line 1: `evnt` is nothing that happens; expected `event`, `broken`, `rule`, `edit`, `delete` or `silence`",
        ),
        ("1s event", "line 1: the line ends; expected the payload of the event"),
        ("1s event {\"a\":\n  tru}", "line 2: this is not JSON: expected ident; expected the payload"),
        ("1s event {} {}", "line 1: `{}` is too much; expected the end of the line"),
        ("=> firing two", "line 1: there is no rule `two` here"),
        ("# nothing\n", "line 1: the scenario has no events"),
        ("  {}", "line 1: the line is indented"),
        ("rule two {\"match\": \"$.a\", \"treshold\": 2}", "TOC-1002 at /treshold"),
        ("rule two []", "line 1: this is no object; expected the rule: a JSON object"),
        ("1s edit two {}", "line 1: there is no rule `two` here; expected one of the rules in force"),
    ] {
        let refused = refused(text);
        assert!(refused.contains(told), "{text}\n{refused}");
    }
    let after_rule = |line: &str| refused(&format!("{RULE}1s event {{\"a\": 1}}\n{line}"));
    for (line, told) in [
        ("=> fring two", "line 3: `fring` is nothing that comes; expected `firing`, `updated`"),
        ("=> firing two at noon", "line 3: `noon` is no time"),
        ("=> firing two if 1", "line 3: `if` says nothing of an alert; expected `at TIME`"),
        ("=> late two value 1", "line 3: `value` says nothing of a late event"),
        ("2s edit two {\"threshold\": \"many\"}", "line 3: rule `two` is refused: TOC-"),
    ] {
        assert!(after_rule(line).contains(told), "{line}\n{}", after_rule(line));
    }
}

#[test]
fn too_long_a_scenario_is_refused() {
    let events = "1s event {}\n".repeat(1_001);
    assert!(refused(&events).contains("line 1001: the scenario is too long; expected at most 1000 steps"));
    let long = format!("# {}", "x".repeat(1 << 20));
    assert!(refused(&long).contains("line 1: the file has 1048578 bytes; expected at most 1048576"));
}

#[test]
fn what_differs_is_shown_side_by_side() {
    let text = format!(
        "{RULE}\n1s event {{\"a\": 1}}\n2s event {{\"a\": 1}}\n  => firing two at 2s value 3 with {{\"severity\": \"low\"}}\n3s event {{\"a\": 1}}\n  => resolved two\n"
    );
    let failure = check(&Scenario::read(&text).unwrap()).unwrap_err().to_string();
    assert_eq!(
        failure,
        "in batches of one: of line 4 came\n  \
         - => firing two at 2s value 3 with {\"severity\":\"low\"}    (expected by line 5)\n  \
         + => firing two at 2s value 2 of tenant with {\"severity\":\"medium\"}\n"
    );
}

#[test]
fn an_alert_that_nobody_expects_and_one_that_is_not_the_same_are_differences() {
    let events = "1s event {\"a\": 1}\n2s event {\"a\": 1}\n";
    let failure = check(&Scenario::read(&format!("{RULE}{events}")).unwrap()).unwrap_err().to_string();
    assert!(failure.contains("  + => firing two at 2s value 2"), "{failure}");
    let every = "rule all {\"match\": \"$.a\", \"alertPolicy\": {\"mode\": \"every\"}}\n";
    let same = "1s event {\"a\": 1}\n  => firing all as one\n2s event {\"a\": 1}\n  => firing all as one\n";
    let failure = check(&Scenario::read(&format!("{every}{same}")).unwrap()).unwrap_err().to_string();
    assert!(failure.contains("of line 4 came") && failure.contains("which is another alert"), "{failure}");
}

#[test]
fn every_place_between_two_steps_is_a_cut() {
    let text = format!("{RULE}{}", "1s event {}\n".repeat(9));
    let ways: Vec<_> = ways(&Scenario::read(&text).unwrap()).iter().map(ToString::to_string).collect();
    assert_eq!(ways.iter().filter(|way| way.starts_with("cut in two")).count(), 9);
    for way in [
        "in one batch",
        "in batches of one, with a crash before every commit",
        "in batches of one, over 4 partitions",
    ] {
        assert!(ways.iter().any(|known| known == way), "{way}: {ways:?}");
    }
}
