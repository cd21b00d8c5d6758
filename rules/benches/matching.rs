//! What an event costs, as a multiple of U: the time of `serde_json::from_slice::<IgnoredAny>` on the same payloads.
//!
//! `cargo bench -p rules` prints a table. Every figure is the median of rounds that take turns with those of U, so a busy
//! neighbour slows both. With `TOCSIN_TEST_DATA`, a folder of `*.ndjson` files with one payload per line, those payloads
//! are measured too.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and its data, and prints"
)]

#[path = "../tests/made/mod.rs"]
mod made;

use std::hint::black_box;
use std::time::Instant;

use made::{Chance, customer, event, leaf, put};
use rules::{Matcher, Payload, RuleBook, Snapshot, Unquoted};
use serde::de::IgnoredAny;
use serde_json::Value;

const ROUNDS: usize = 9;

/// The seconds of one round over all payloads.
fn seconds(mut round: impl FnMut()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_secs_f64()
}

/// What U is the time of.
fn validate(payloads: &[String]) {
    for text in payloads {
        black_box(serde_json::from_slice::<IgnoredAny>(black_box(text.as_bytes())).expect("it is JSON"));
    }
}

/// The median of the ratios of neighbouring rounds.
fn ratio(payloads: &[String], mut round: impl FnMut()) -> f64 {
    round();
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| (seconds(&mut round), seconds(|| validate(payloads))))
        .map(|(own, unit)| own / unit)
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ROUNDS / 2]
}

/// Rules at the same few paths, whose values hardly any event has.
fn focused(chance: &mut Chance, events: &[Value], count: usize, owner: impl Fn(usize) -> usize) -> RuleBook {
    let leaves: Vec<(String, Value)> =
        (0..19).map(|number| leaf(chance, &events[number % events.len()])).collect();
    let mut book = RuleBook::default();
    for alert in 0..count {
        let path = &leaves[alert % leaves.len()].0;
        let text = match alert % 10 {
            0..=6 => format!("{path} == \"value-{alert}\""),
            7 => format!("{path} in [\"one-{alert}\", \"two-{alert}\"]"),
            8 => format!("{path} startsWith \"start-{alert}\""),
            _ => format!("{path} == {} && {path} > {alert}", 1_000_000 + alert),
        };
        book.apply(put(customer(owner(alert)), alert, &text));
    }
    book
}

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
    let unit = {
        let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| seconds(|| validate(texts))).collect();
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2] / texts.len() as f64
    };
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
    for count in [10, 1_000, 10_000, 100_000] {
        let book = focused(&mut Chance(1), &events, count, |_| 0);
        let compiled = seconds(|| drop(black_box(Matcher::compile(&book))));
        let snapshot = Matcher::compile(&book);
        let matched = ratio(texts, || matching(&snapshot, &payloads));
        let read = ratio(texts, || {
            for text in texts {
                black_box(snapshot.read(customer(1), black_box(text)).expect("it is a payload"));
            }
        });
        let whole_way = ratio(texts, || {
            for literal in &quoted {
                let payload = snapshot.read_quoted(customer(1), black_box(literal)).expect("it is a payload");
                black_box(snapshot.matches(customer(1), &payload));
            }
        });
        let met: usize = payloads.iter().map(|payload| snapshot.matches(customer(1), payload).len()).sum();
        print!(
            "  {count:>6} rules: read {read:.2} U, match {matched:.2} U, both from a JSON string {whole_way:.2} U, {met} matches, compiled in {:.1} ms",
            compiled * 1e3
        );
        if count <= 1_000 {
            let naive = ratio(texts, || {
                for payload in &payloads {
                    black_box(book.iter().filter(|active| active.rule.matches(payload.root())).count());
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
    let mut chance = Chance(20_250_707);
    let made: Vec<String> = (0..300).map(|_| event(&mut chance).to_string()).collect();
    measure("made", &made);
    tenants(&made);
    if let Some(folder) = std::env::var_os("TOCSIN_TEST_DATA") {
        let files = std::fs::read_dir(folder).expect("TOCSIN_TEST_DATA is a folder");
        for file in files
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|is| is == "ndjson"))
        {
            let text = std::fs::read_to_string(&file).expect("the file is text");
            let lines: Vec<String> =
                text.lines().filter(|line| !line.is_empty()).take(300).map(str::to_owned).collect();
            measure(&file.display().to_string(), &lines);
        }
    }
}
