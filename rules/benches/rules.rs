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

use made::{Chance, book, customer, event, put, sets};
use rules::{Matcher, Payload, RuleBook, Snapshot};
use rustix::time::{ClockId, clock_gettime};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const ROUNDS: usize = 11;

/// The seconds that this thread has run: a neighbour who takes the processor away does not count.
fn clock() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn seconds(mut round: impl FnMut()) -> f64 {
    let start = clock();
    round();
    clock() - start
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Payloads as text.
struct Events {
    texts: Vec<String>,
}

/// A compiled book with the payloads as it reads them: what no rule looks at is not kept.
struct Ready {
    snapshot: Snapshot,
    bytes: usize,
    payloads: Vec<Payload>,
}

impl Ready {
    fn matches(&self) -> usize {
        self.payloads.iter().map(|payload| self.snapshot.matches(customer(1), payload).len()).sum()
    }
}

impl Events {
    fn ready(&self, book: &RuleBook) -> Ready {
        let before = counting::bytes();
        let snapshot = Matcher::compile(book);
        let bytes = counting::bytes() - before;
        let read = |text: &String| snapshot.read(customer(1), text).expect("it is a payload");
        Ready { payloads: self.texts.iter().map(read).collect(), snapshot, bytes }
    }

    fn unit(&self) -> f64 {
        seconds(|| {
            for text in &self.texts {
                black_box(
                    serde_json::from_slice::<IgnoredAny>(black_box(text.as_bytes())).expect("it is JSON"),
                );
            }
        })
    }

    /// Seconds and units of a pass with each book, in turns.
    fn passes(&self, books: &[&Ready]) -> Vec<(f64, f64)> {
        let pass = |ready: &Ready| {
            seconds(|| {
                for payload in &ready.payloads {
                    black_box(ready.snapshot.matches(customer(1), payload));
                }
            })
        };
        for ready in books {
            pass(ready);
        }
        let mut all = vec![(Vec::new(), Vec::new()); books.len()];
        for _ in 0..ROUNDS {
            for (ready, (times, units)) in books.iter().zip(&mut all) {
                let (time, unit) = (pass(ready), self.unit());
                times.push(time);
                units.push(time / unit);
            }
        }
        all.into_iter().map(|(times, units)| (median(times), median(units))).collect()
    }
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
    let all: Vec<Ready> = books.iter().map(|book| events.ready(book)).collect();
    let passes = events.passes(&all.iter().collect::<Vec<_>>());
    for ((book, ready), (_, units)) in books.iter().zip(&all).zip(passes) {
        println!(
            "    {:>6} rules: {units:.3} U, {} matches, {} B a rule",
            book.len(),
            ready.matches(),
            ready.bytes / book.len()
        );
    }
    println!("  one kind of rules, over one such rule");
    for set in sets::NAMES {
        let count = if set.starts_with("regex") { 1_000 } else { 10_000 };
        let one = events.ready(&sets::book(set, 1, paths));
        let many = events.ready(&sets::book(set, count, paths));
        let passes = events.passes(&[&one, &many]);
        let matches = many.matches();
        let over = passes[1].0 - passes[0].0;
        println!(
            "    {count:>6} x {set}: {:+.3} U, {:.1} matches an event, {:.1} ns a match, {} B a rule",
            passes[1].1 - passes[0].1,
            matches as f64 / events.texts.len() as f64,
            over * 1e9 / matches as f64,
            many.bytes / count,
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
        let ready = events.ready(&book);
        let [(time, units)] = events.passes(&[&ready])[..] else { continue };
        let (matches, bytes) = (ready.matches(), ready.bytes);
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
    let texts: Vec<String> = (0..100_000)
        .map(|number| made::document(customer(0), number, &sets::usual(number, &mut chance, paths)))
        .collect();
    let mut rules = Vec::with_capacity(texts.len());
    let before = counting::bytes();
    let reading = seconds(|| {
        rules = texts
            .iter()
            .map(|text| rules::read_rule(text.as_bytes(), None).expect("it is a rule").0)
            .collect();
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
    changing(&mut book, &mut chance, paths);
}

/// One rule changed after the other, while merges run beside it as they do in a worker.
fn changing(book: &mut RuleBook, chance: &mut Chance, paths: &sets::Paths) {
    let mut snapshot = Matcher::compile(book);
    let mut merging: Option<std::thread::JoinHandle<(rules::Merge, rules::Merged)>> = None;
    let (mut times, mut merges) = (Vec::new(), 0);
    for number in 0..10_000 {
        let alert = chance.below(100_000);
        let changed = put(customer(0), alert, &format!("{} == {number}", paths.number));
        let key = changed.key();
        book.apply(changed);
        // As in a worker, another thread frees what was merged.
        let mut kept = None;
        times.push(seconds(|| {
            snapshot = snapshot.with(book, [key]);
            if let Some(done) = merging.take_if(|merging| merging.is_finished()) {
                let (merge, merged) = done.join().expect("merging does not fail");
                kept = Some(merge);
                snapshot = snapshot.adopt(merged);
                merges += 1;
            }
            if merging.is_none() {
                merging = snapshot.merge().map(|merge| std::thread::spawn(|| (merge.clone(), merge.run())));
            }
        }));
        drop(kept);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "    one changed, 10,000 times: {:.2} ms in the middle, {:.2} ms at p99, {:.1} ms at most; {merges} merges beside it",
        times[5_000] * 1e3,
        times[9_900] * 1e3,
        times[9_999] * 1e3
    );
}

fn main() {
    let mut chance = Chance(20_250_707);
    let made = Events { texts: (0..300).map(|_| event(&mut chance).to_string()).collect() };
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
        && let Some(folder) = std::env::var_os("TOCSIN_TEST_DATA")
    {
        let file = std::path::Path::new(&folder).join("gh.ndjson");
        let text = std::fs::read_to_string(&file).expect("gh.ndjson is in TOCSIN_TEST_DATA");
        let lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        measure("webhooks", &Events { texts: lines }, &sets::WEBHOOKS);
    }
}
