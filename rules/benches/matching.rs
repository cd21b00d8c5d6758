//! What an event costs, as a multiple of U: the time of `serde_json::from_slice::<IgnoredAny>` on the same payloads.
//!
//! `cargo bench -p rules` prints a table. Rounds take turns with those of U and the quickest of each count, so a
//! busy neighbour does not. With `TOCSIN_TEST_DATA`, a folder of `*.ndjson` files with one payload per line, those payloads
//! are measured too.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and its data, and prints"
)]

#[path = "../tests/made/mod.rs"]
mod made;
mod measure;

use std::hint::black_box;

use made::{Chance, customer, put};
use measure::{focused, for_each_set, ratio, seconds, validate};
use rules::{Matcher, Payload, RuleBook, Snapshot, Unquoted};
use serde_json::Value;

fn matching(snapshot: &Snapshot, payloads: &[Payload]) {
    for payload in payloads {
        black_box(snapshot.matches(customer(1), payload));
    }
}

fn measure(name: &str, texts: &[String]) {
    let events: Vec<Value> =
        texts.iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
    let payloads: Vec<Payload> =
        texts.iter().map(|text| Payload::parse(text).expect("it is a payload")).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let unit = (0..31).map(|_| seconds(|| validate(texts))).fold(f64::MAX, f64::min) / texts.len() as f64;
    println!(
        "{name}: {} payloads of {} bytes on average, U is {:.2} µs",
        texts.len(),
        bytes / texts.len(),
        unit * 1e6
    );
    let quoted: Vec<String> = texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
    let parsed = ratio(texts, || {
        for text in texts {
            black_box(Payload::parse(black_box(text)).expect("it is a payload"));
        }
    });
    println!("  parse {parsed:.2} U");
    let nobody = Matcher::compile(&RuleBook::default());
    let checked = ratio(texts, || {
        for text in texts {
            black_box(nobody.read(customer(1), black_box(text)).expect("it is a payload"));
        }
    });
    let mut unquoted = Unquoted::default();
    let unescaped = ratio(texts, || {
        for literal in &quoted {
            black_box(unquoted.read(black_box(literal.as_bytes())));
            black_box(unquoted.text().expect("it is a string"));
        }
    });
    println!("  check {checked:.2} U, unescape {unescaped:.2} U");
    counted(texts, &events, &payloads, &quoted);
}

/// What an event costs at several numbers of rules.
fn counted(texts: &[String], events: &[Value], payloads: &[Payload], quoted: &[String]) {
    for count in [10, 1_000, 10_000, 100_000] {
        let book = focused(&mut Chance(1), events, count, |_| 0);
        let compiled = seconds(|| drop(black_box(Matcher::compile(&book))));
        let snapshot = Matcher::compile(&book);
        let matched = ratio(texts, || matching(&snapshot, payloads));
        let part = |text: &String| snapshot.read(customer(1), text).expect("it is a payload");
        let parts: Vec<Payload> = texts.iter().map(part).collect();
        let matched_part = ratio(texts, || matching(&snapshot, &parts));
        let both = ratio(texts, || {
            for text in texts {
                black_box(snapshot.matches(customer(1), &part(black_box(text))));
            }
        });
        let read = ratio(texts, || {
            for text in texts {
                black_box(snapshot.read(customer(1), black_box(text)).expect("it is a payload"));
            }
        });
        let whole_way = ratio(texts, || {
            for literal in quoted {
                let payload = snapshot.read_quoted(customer(1), black_box(literal)).expect("it is a payload");
                black_box(snapshot.matches(customer(1), &payload));
            }
        });
        let met: usize = payloads.iter().map(|payload| snapshot.matches(customer(1), payload).len()).sum();
        print!(
            "  {count:>6} rules: read {read:.2} U, match {matched:.2} U ({matched_part:.2} what was read in part), read and match {both:.2} U, from a JSON string {whole_way:.2} U, {met} matches, compiled in {:.1} ms",
            compiled * 1e3
        );
        if count <= 1_000 {
            let naive = ratio(texts, || {
                for payload in payloads {
                    black_box(
                        book.iter().filter(|active| !active.rule.met(payload.root()).is_empty()).count(),
                    );
                }
            });
            print!(", one by one {naive:.1} U");
        }
        println!();
    }
}

fn tenants(texts: &[String]) {
    let events: Vec<Value> =
        texts.iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
    let payloads: Vec<Payload> =
        texts.iter().map(|text| Payload::parse(text).expect("it is a payload")).collect();
    // 100 global ones, 10 of each of 10,000 customers.
    let owner = |alert: usize| if alert < 100 { 0 } else { 1 + alert % 10_000 };
    let book = focused(&mut Chance(1), &events, 100_100, owner);
    let mut own = RuleBook::default();
    for active in book.iter().filter(|active| active.rule.applies_to(customer(1))) {
        own.apply(rules::Command::Put { rule: Box::new(active.rule.clone()), expected: None });
    }
    let (all, own) = (Matcher::compile(&book), Matcher::compile(&own));
    println!("  100,100 rules of 10,000 tenants: match {:.2} U", ratio(texts, || matching(&all, &payloads)));
    println!("  the rules of one tenant alone: match {:.2} U", ratio(texts, || matching(&own, &payloads)));
    let mut book = focused(&mut Chance(1), &events, 100_000, |_| 0);
    let before = Matcher::compile(&book);
    let key = book.iter().next().expect("there are rules").rule.key;
    book.apply(put(key.customer, 100_001, "$.a == 1"));
    println!(
        "  one rule changed among 100,000: {:.2} ms",
        seconds(|| drop(black_box(before.with(&book, [key])))) * 1e3
    );
}

fn main() {
    for_each_set(|name, texts| {
        measure(name, texts);
        if name == "made" {
            tenants(texts);
        }
    });
}
