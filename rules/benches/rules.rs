//! What rules cost, by their kind and their number, as a multiple of U: the time of `serde_json::from_slice::<IgnoredAny>`
//! on the same payloads in neighbouring rounds. Payloads are read before; what reading costs is in `matching.rs`.
//!
//! `cargo bench -p rules --bench rules` prints tables; `-- mixed` and the like one of them. With `TOCSIN_TEST_DATA`, a folder with `gh.ndjson`, webhooks are
//! measured too, which is what the goals are about.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and its data, and prints"
)]

#[path = "../tests/made/counting.rs"]
mod counting;
#[path = "../tests/made/mod.rs"]
mod made;

use std::hint::black_box;
use std::time::Instant;

use made::{Chance, book, customer, event, put, sets};
use rules::{Matcher, Payload, RuleBook, Snapshot};
use serde::de::IgnoredAny;
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const ROUNDS: usize = 11;

fn seconds(mut round: impl FnMut()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Payloads as text and read.
struct Events {
    texts: Vec<String>,
    payloads: Vec<Payload>,
}

impl Events {
    fn new(texts: Vec<String>) -> Self {
        let payloads = texts.iter().map(|text| Payload::parse(text).expect("it is a payload")).collect();
        Self { texts, payloads }
    }

    fn unit(&self) -> f64 {
        seconds(|| {
            for text in &self.texts {
                black_box(serde_json::from_slice::<IgnoredAny>(black_box(text.as_bytes())).expect("it is JSON"));
            }
        })
    }

    /// Seconds and units of a pass with each snapshot, in turns.
    fn passes(&self, snapshots: &[&Snapshot]) -> Vec<(f64, f64)> {
        let pass = |snapshot: &Snapshot| {
            seconds(|| {
                for payload in &self.payloads {
                    black_box(snapshot.matches(customer(1), payload));
                }
            })
        };
        for snapshot in snapshots {
            pass(snapshot);
        }
        let mut all = vec![(Vec::new(), Vec::new()); snapshots.len()];
        for _ in 0..ROUNDS {
            for (snapshot, (times, units)) in snapshots.iter().zip(&mut all) {
                let (time, unit) = (pass(snapshot), self.unit());
                times.push(time);
                units.push(time / unit);
            }
        }
        all.into_iter().map(|(times, units)| (median(times), median(units))).collect()
    }

    fn matches(&self, snapshot: &Snapshot) -> usize {
        self.payloads.iter().map(|payload| snapshot.matches(customer(1), payload).len()).sum()
    }
}

/// How many bytes the snapshot of a book takes, and the book's own rules before.
fn compiled(book: &RuleBook) -> (Snapshot, usize) {
    let before = counting::bytes();
    let snapshot = Matcher::compile(book);
    (snapshot, counting::bytes() - before)
}

fn usual(count: usize, paths: &sets::Paths) -> RuleBook {
    let mut chance = Chance(3);
    let mut book = RuleBook::default();
    for number in 0..count {
        book.apply(put(customer(0), number, &sets::usual(number, &mut chance, paths)));
    }
    book
}

fn measure(name: &str, events: &Events, paths: &sets::Paths) {
    let unit = median((0..ROUNDS).map(|_| events.unit()).collect()) / events.texts.len() as f64;
    println!("{name}: {} payloads, U = {:.2} us", events.texts.len(), unit * 1e6);
    println!("  ten usual kinds of rules at the same paths");
    let books: Vec<RuleBook> = [10, 1_000, 10_000, 100_000].map(|count| usual(count, paths)).into();
    let all: Vec<(Snapshot, usize)> = books.iter().map(compiled).collect();
    let passes = events.passes(&all.iter().map(|(snapshot, _)| snapshot).collect::<Vec<_>>());
    for ((book, (snapshot, bytes)), (_, units)) in books.iter().zip(&all).zip(passes) {
        println!(
            "    {:>6} rules: {units:.3} U, {} matches, {} B a rule",
            book.len(),
            events.matches(snapshot),
            bytes / book.len()
        );
    }
    println!("  one kind of rules, over one such rule");
    for set in sets::NAMES {
        let count = if set.starts_with("regex") { 1_000 } else { 10_000 };
        let (one, _) = compiled(&sets::book(set, 1, paths));
        let (many, bytes) = compiled(&sets::book(set, count, paths));
        let passes = events.passes(&[&one, &many]);
        let matches = events.matches(&many);
        let over = passes[1].0 - passes[0].0;
        println!(
            "    {count:>6} x {set}: +{:.3} U, {:.1} matches an event, {:.1} ns a match, {} B a rule",
            passes[1].1 - passes[0].1,
            matches as f64 / events.texts.len() as f64,
            over * 1e9 / matches as f64,
            bytes / count,
        );
    }
}

/// Rules of every kind of which an event meets one in five.
fn mixed(events: &Events) {
    println!("  rules of every kind, of which very many are met");
    let values: Vec<Value> =
        events.texts.iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
    for count in [1_000, 10_000] {
        let book = book(&mut Chance(1), &values, count, 1);
        let (snapshot, bytes) = compiled(&book);
        let [(time, units)] = events.passes(&[&snapshot])[..] else { continue };
        let matches = events.matches(&snapshot);
        println!(
            "    {count:>6} rules: {units:.1} U, {} matches an event, {:.1} ns a match, {} B a rule",
            matches / events.texts.len(),
            time * 1e9 / matches as f64,
            bytes / count
        );
    }
}

/// Reading and compiling 100,000 rules, and changing some.
fn loading(paths: &sets::Paths) {
    let mut chance = Chance(3);
    let texts: Vec<String> =
        (0..100_000).map(|number| made::document(customer(0), number, &sets::usual(number, &mut chance, paths))).collect();
    let mut rules = Vec::with_capacity(texts.len());
    let before = counting::bytes();
    let reading = seconds(|| {
        rules = texts.iter().map(|text| rules::read_rule(text.as_bytes(), None).expect("it is a rule").0).collect();
    });
    let mut book = RuleBook::default();
    let booking = seconds(|| {
        for rule in rules.drain(..) {
            book.apply(rules::Command::Put { rule: Box::new(rule), expected: None });
        }
    });
    drop(rules);
    println!("  100,000 rules: {} B a rule in the book", (counting::bytes() - before) / book.len());
    let compiling = median((0..3).map(|_| seconds(|| drop(Matcher::compile(&book)))).collect());
    println!("    read in {reading:.2} s, put in the book in {booking:.2} s, compiled in {compiling:.2} s");
    let mut snapshot = Matcher::compile(&book);
    let mut times = Vec::new();
    for number in 0..3_200 {
        let alert = chance.below(100_000);
        let changed = put(customer(0), alert, &format!("{} == {number}", paths.number));
        let key = changed.key();
        book.apply(changed);
        times.push(seconds(|| snapshot = snapshot.with(&book, [key])));
    }
    times.sort_by(f64::total_cmp);
    println!(
        "    one changed, 3,200 times: {:.2} ms in the middle, {:.2} ms at p99, {:.1} ms at most",
        times[1_600] * 1e3,
        times[3_168] * 1e3,
        times[3_199] * 1e3
    );
}

fn main() {
    let mut chance = Chance(20_250_707);
    let made = Events::new((0..300).map(|_| event(&mut chance).to_string()).collect());
    // Names of sections, for who looks for one thing.
    let named: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|own| own == name);
    if wanted("made") {
        measure("made", &made, &sets::MADE);
    }
    if wanted("mixed") {
        mixed(&made);
    }
    if wanted("loading") {
        loading(&sets::WEBHOOKS);
    }
    if wanted("webhooks")
        && let Some(folder) = std::env::var_os("TOCSIN_TEST_DATA") {
        let file = std::path::Path::new(&folder).join("gh.ndjson");
        let text = std::fs::read_to_string(&file).expect("gh.ndjson is in TOCSIN_TEST_DATA");
        let lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        measure("webhooks", &Events::new(lines), &sets::WEBHOOKS);
    }
}
