//! What a fuzzer calls with any bytes: nothing may panic, and what is accepted must hold what is said of it. The fuzzer
//! (`fuzz/`) and a test that runs in every build (`fuzzed.rs`) share these functions, so that the targets cannot rot.

use std::sync::OnceLock;

use rules::{
    ActiveRule, Command, Condition, CustomerId, Generation, Matcher, Payload, RuleBook, RuleKey, RuleVersion,
    Selections, Snapshot, read_rule, write_rule,
};

use crate::made::{Chance, book, customer, event};

/// The text of a condition: what is accepted prints back and reads to the same, and is matched as it is evaluated.
pub(crate) fn rule_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(condition) = Condition::parse(text, &[]) else { return };
    let Some(printed) = condition.to_text() else { panic!("what was text can be text: {text}") };
    assert_eq!(Condition::parse(&printed, &[]).as_ref(), Ok(&condition), "{printed}");
    let command = crate::made::put(customer(0), 1, "$.a");
    let Command::Put { mut rule, .. } = command else { return };
    let rules::Evaluation::Aggregate(aggregate) = &mut rule.evaluation else { return };
    aggregate.increment.condition.condition = condition.clone();
    let mut book = RuleBook::default();
    book.apply(Command::Put { rule, expected: None });
    let snapshot = Matcher::compile(&book);
    for payload in &fixed().payloads {
        let holds = condition.holds(payload.root(), &Selections::new());
        assert_eq!(snapshot.matches(customer(1), payload).len(), usize::from(holds), "{printed}");
    }
}

/// A rule as JSON: what is accepted is written and read back, and can be compiled.
pub(crate) fn rule_json(bytes: &[u8]) {
    let Ok((rule, _)) = read_rule(bytes, None) else { return };
    let written = write_rule(&rule, RuleVersion(1)).to_string();
    let (again, _) = read_rule(written.as_bytes(), None).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again, rule, "{written}");
    let active = ActiveRule::new(rule.clone(), RuleVersion(1), Generation(1));
    assert_eq!(
        ActiveRule::from_bytes(rule.key, &active.to_bytes()).map_err(|error| error.to_string()),
        Ok(active)
    );
    let owner = rule.key.customer;
    let mut book = RuleBook::default();
    book.apply(Command::Put { rule: Box::new(rule), expected: None });
    let snapshot = Matcher::compile(&book);
    for payload in &fixed().payloads {
        assert_eq!(met(&snapshot, owner, payload), one_by_one(&book, owner, payload), "{written}");
    }
}

/// A payload, as it is and in a string: it is read alike whole and in part, and meets what it meets one by one.
pub(crate) fn payload(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Fixed { book, snapshot, .. } = fixed();
    let owner = customer(1);
    let (whole, part) = (Payload::parse(text), snapshot.read(owner, text));
    assert_eq!(whole.as_ref().err(), part.as_ref().err());
    let literal = serde_json::Value::from(text).to_string();
    assert_eq!(Payload::parse_quoted(&literal), whole);
    let (Ok(whole), Ok(part)) = (whole, part) else { return };
    let expected = one_by_one(book, owner, &whole);
    assert_eq!(met(snapshot, owner, &whole), expected);
    assert_eq!(met(snapshot, owner, &part), expected);
}

struct Fixed {
    book: RuleBook,
    snapshot: Snapshot,
    payloads: Vec<Payload>,
}

fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let mut chance = Chance(1);
        let events: Vec<_> = (0..8).map(|_| event(&mut chance)).collect();
        let book = book(&mut chance, &events, 150, 2);
        let odd = ["null", "[]", r#"{"a":{"b":[1,"x",null]},"b":"ab"}"#].map(str::to_owned);
        let texts = events.iter().map(ToString::to_string).chain(odd);
        let payloads = texts.map(|text| Payload::parse(&text).expect("it was made here")).collect();
        Fixed { snapshot: Matcher::compile(&book), book, payloads }
    })
}

fn met(snapshot: &Snapshot, owner: CustomerId, payload: &Payload) -> Vec<RuleKey> {
    let matches = snapshot.evaluate(owner, payload);
    // A fuzzer finds no event large enough to be cut in one of these rules within its limit of some kilobytes.
    assert!(matches.cut.is_empty());
    matches.met.iter().map(|met| met.active.rule.key).collect()
}

fn one_by_one(book: &RuleBook, owner: CustomerId, payload: &Payload) -> Vec<RuleKey> {
    let applying = book.iter().filter(|active| active.rule.applies_to(owner));
    let holding = applying.filter(|active| !active.rule.met(payload.root()).is_empty());
    let mut met: Vec<RuleKey> = holding.map(|active| active.rule.key).collect();
    met.sort_by_key(|key| (key.alert, key.customer));
    met
}
