//! Rules and events that somebody made to do harm: each has a documented answer, and what it takes is bounded. Memory is
//! counted by the allocator and work in steps; no clock is read.

#[path = "made/counting.rs"]
mod counting;
mod made;

use std::sync::{Mutex, MutexGuard, PoisonError};

use made::{customer, document, put};
use rules::{
    Condition, Document, Matcher, Node, Payload, PayloadError, ProblemCode, RULE_BYTES_MAX, RuleBook,
    Selections, Snapshot, read_rule,
};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const MEBIBYTE: usize = 1 << 20;

/// Memory is counted for the whole process, so the tests of this file take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The codes with which a rule is refused, and the memory that it took to say so.
fn refused(condition: &str) -> (Vec<ProblemCode>, usize) {
    let text = document(customer(1), 1, condition);
    let (peak, read) = counting::peak(|| read_rule(text.as_bytes(), None));
    (read.expect_err("it is refused").problems.iter().map(|problem| problem.code).collect(), peak)
}

fn snapshot(conditions: &[&str]) -> Snapshot {
    let mut book = RuleBook::default();
    for (alert, condition) in conditions.iter().enumerate() {
        book.apply(put(customer(0), alert, condition));
    }
    Matcher::compile(&book)
}

/// The numbers of the rules that are met, and of those that are cut short.
fn evaluated(snapshot: &Snapshot, payload: &Payload) -> (Vec<u128>, Vec<u128>) {
    let matches = snapshot.evaluate(customer(1), payload);
    (
        matches.met.iter().map(|met| met.active.rule.key.alert.uuid().as_u128()).collect(),
        matches.cut.iter().map(|active| active.rule.key.alert.uuid().as_u128()).collect(),
    )
}

#[test]
fn brackets_without_end_are_refused_where_they_pass_the_limit() {
    let _turn = turn();
    for bracket in ["(", "!(", "$[?(", "$[?length("] {
        let count = (RULE_BYTES_MAX - 300) / bracket.len();
        let (codes, peak) = refused(&bracket.repeat(count));
        assert_eq!(codes.len(), 1, "{bracket}");
        assert!(peak < MEBIBYTE, "{bracket} took {peak} bytes");
    }
    let (codes, _) = refused(&"(".repeat(RULE_BYTES_MAX));
    assert_eq!(codes, [ProblemCode::LimitPassed]);
}

#[test]
fn regular_expressions_that_grow_are_refused() {
    let _turn = turn();
    for pattern in ["(a{900}){900}", r"\\p{L}{200}", "((a*)*)*{500}{500}", "(x+x+)+y{1000}{1000}"] {
        for condition in
            [format!("$.a regex \"{pattern}\""), format!("$.a[?search(@.b, '{pattern}')] exists")]
        {
            let text = document(customer(1), 1, &condition);
            let (peak, read) = counting::peak(|| read_rule(text.as_bytes(), None).map(drop));
            assert!(read.is_err(), "{condition}");
            assert!(peak < 32 * MEBIBYTE, "{condition} took {peak} bytes");
        }
    }
}

/// 2^14 clauses, none of which is written out.
#[test]
fn a_condition_of_very_many_clauses_is_evaluated_as_it_stands() {
    let _turn = turn();
    let pairs: Vec<String> = (0..14).map(|n| format!("($.a{n} == 1 || $.b{n} == 1)")).collect();
    let text = pairs.join(" && ");
    assert!(Condition::parse(&text, &[]).unwrap().needs_fallback(&Selections::new()));
    let (peak, snapshot) = counting::peak(|| snapshot(&[&text]));
    assert!(peak < MEBIBYTE, "it took {peak} bytes");
    let members: Vec<String> =
        (0..14).map(|n| format!("\"{}{n}\":1", if n % 3 == 0 { "a" } else { "b" })).collect();
    let payload = Payload::parse(&format!("{{{}}}", members.join(","))).unwrap();
    assert_eq!(evaluated(&snapshot, &payload), (vec![0], vec![]));
    let payload = Payload::parse(&format!("{{{}}}", members[1..].join(","))).unwrap();
    assert_eq!(evaluated(&snapshot, &payload), (vec![], vec![]));
}

fn elements(count: usize, last: &str) -> Payload {
    let mut text = String::from("{\"kind\":\"k\",\"a\":[");
    (0..count).for_each(|_| text.push_str("{\"x\":1},"));
    Payload::parse(&format!("{text}{last}]}}")).expect("it is JSON")
}

#[test]
fn a_path_that_looks_at_too_many_nodes_cuts_its_rules_short_and_says_so() {
    let _turn = turn();
    let all: Vec<String> = (0..13).map(|n| format!("($.n{n} == 1 || $..y == 2)")).collect();
    let conditions = [
        "$.a[?@.x == 2].y == 2",               // 0: the filter looks at every element
        "$..y == 2",                           // 1
        "$.kind == \"k\"",                     // 2: cheap, and not touched by what others do
        "$.kind == \"other\" && $..y == 2",    // 3: fails whatever the path selects
        "$.kind == \"k\" && $..y == 2",        // 4
        "$.kind == \"k\" || $..y == 2",        // 5: holds whatever the path selects
        "$..y != 2",                           // 6: negative
        "none $.a[*].y == 2",                  // 7: a plain place is looked at once by all rules
        "!($..y == 2) && $.kind == \"other\"", // 8
        &all.join(" && "),                     // 9: evaluated as it stands
        "$.a[*].y == 2",                       // 10
    ];
    let snapshot = snapshot(&conditions);
    let small = elements(1_000, "{\"x\":2,\"y\":2}");
    assert_eq!(evaluated(&snapshot, &small), (vec![0, 1, 2, 4, 5, 9, 10], vec![]));
    let large = elements(100_000, "{\"x\":2,\"y\":2}");
    assert_eq!(evaluated(&snapshot, &large), (vec![2, 5, 10], vec![0, 1, 4, 6, 9]));
}

/// Whether a rule is cut depends on it and the event alone, not on what other rules had looked at before.
#[test]
fn a_rule_is_cut_alone_as_it_is_among_others() {
    let _turn = turn();
    let large = elements(100_000, "{\"x\":2,\"y\":2}");
    for condition in ["$..y == 2", "$.kind == \"k\" && $..y == 2", "$..y != 2", "$..[?@.x == 2].y == 2"] {
        let alone = evaluated(&snapshot(&[condition]), &large).1.len();
        let among: Vec<String> = (0..60).map(|n| format!("$..y == {n}")).collect();
        let mut conditions: Vec<&str> = vec![condition];
        conditions.extend(among.iter().map(String::as_str));
        assert_eq!(
            alone,
            usize::from(evaluated(&snapshot(&conditions), &large).1.contains(&0)),
            "{condition}"
        );
    }
}

/// What is not matched takes no memory at all, once the first event has come.
#[test]
fn an_event_that_meets_nothing_allocates_nothing() {
    let _turn = turn();
    let conditions: Vec<String> = (0..500)
        .map(|n| match n % 5 {
            0 => format!("$.kind == \"v{n}\""),
            1 => format!("$.kind == \"k\" && $.size > {n}"),
            2 => format!("$.kind startsWith \"x{n}\""),
            3 => format!("$.kind != \"k\" && $.other != {n}"),
            _ => format!("$.a[*].x in [{n}, \"b\"]"),
        })
        .collect();
    let snapshot = snapshot(&conditions.iter().map(String::as_str).collect::<Vec<_>>());
    let payload = elements(10, "{\"x\":2000}");
    let allocations = || {
        let before = counting::count();
        assert!(snapshot.matches(customer(1), &payload).is_empty());
        counting::count() - before
    };
    allocations();
    // The test harness may allocate beside it, once in a while.
    assert_eq!((0..20).map(|_| allocations()).min(), Some(0));
}

#[test]
fn odd_payloads_have_their_documented_answers() {
    let _turn = turn();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Payload::parse(&nested(64)).is_ok());
    assert_eq!(Payload::parse(&nested(65)), Err(PayloadError::TooDeep));
    let brackets = "[".repeat(MEBIBYTE);
    let (peak, answer) = counting::peak(|| Payload::parse(&brackets));
    assert_eq!(answer, Err(PayloadError::TooDeep));
    assert!(peak < MEBIBYTE, "{peak} bytes");

    let snapshot = snapshot(&[
        "$.a == \"\u{fffd}\"",  // 0
        "$.a > 1e998",          // 1
        "$.a == 1e999",         // 2
        "$.a == 2",             // 3
        "$.a == \"x\\u0000y\"", // 4
        "$['a\\u0000'] == 1",   // 5
    ]);
    for (text, met) in [
        (r#"{"a":"\ud800"}"#, vec![0]),
        (r#"{"a":1e999}"#, vec![1, 2]),
        (r#"{"a":1,"a":2}"#, vec![3]),
        (r#"{"a":2,"\u0061":1}"#, vec![]),
        (r#"{"a":"x\u0000y"}"#, vec![4]),
        (r#"{"a\u0000":1}"#, vec![5]),
    ] {
        let payload = Payload::parse(text).unwrap();
        assert_eq!(evaluated(&snapshot, &payload), (met, vec![]), "{text}");
        assert_eq!(payload.is_altered(), text.contains("ud800"), "{text}");
    }
    for text in ["{\"a\":\"\0\"}", "{\"a\":1\0}", "\0", "NaN", "{\"a\":1e}", "{\"a\":-}", ""] {
        assert!(matches!(Payload::parse(text), Err(PayloadError::NotJson { .. })), "{text:?}");
    }
    let exponent = Document::parse("1e999999999999999999999999", 64).unwrap().root;
    assert!(matches!(exponent, Node::Number(_)));
}

/// Whoever changes a rule never waits for all the others to be compiled, nor does a run of changes.
#[test]
fn a_change_among_very_many_rules_takes_as_much_memory_as_a_few_rules() {
    let _turn = turn();
    let mut book = RuleBook::default();
    for alert in 0..20_000 {
        book.apply(put(customer(0), alert, &format!("$.a{} == {alert}", alert % 50)));
    }
    let (whole, mut snapshot) = counting::peak(|| Matcher::compile(&book));
    let mut most = 0;
    for number in 0..1_500 {
        let changed = put(customer(0), number * 13, &format!("$.b == {number}"));
        let key = changed.key();
        book.apply(changed);
        let (peak, next) = counting::peak(|| snapshot.with(&book, [key]));
        most = most.max(peak);
        snapshot = next;
    }
    assert!(most < whole / 8, "{most} of {whole} bytes");
    let merged = snapshot.merge().expect("there is enough to merge").run();
    assert!(snapshot.adopt(merged).merge().is_none(), "everything but the latest is merged");
}
