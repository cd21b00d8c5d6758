//! How the benchmarks measure, and the rules that they measure with.
#![allow(dead_code, reason = "every benchmark takes its own part of this")]

use std::hint::black_box;
use std::time::Instant;

use rules::RuleBook;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::made::{Chance, customer, event, leaf, put};

/// How often everything is measured, unless it takes too long.
const ROUNDS_MAX: usize = 101;
const ROUNDS_MIN: usize = 5;
const SECONDS_MAX: f64 = 1.0;

/// The seconds of one round over all payloads.
pub(crate) fn seconds(mut round: impl FnMut()) -> f64 {
    let start = Instant::now();
    round();
    start.elapsed().as_secs_f64()
}

/// What U is the time of.
pub(crate) fn validate(payloads: &[String]) {
    for text in payloads {
        black_box(serde_json::from_slice::<IgnoredAny>(black_box(text.as_bytes())).expect("it is JSON"));
    }
}

/// What a round costs in U. Rounds take turns with those of U, and of each the quickest counts: on a machine that others
/// use, too, all else is their time.
pub(crate) fn ratio(payloads: &[String], mut round: impl FnMut()) -> f64 {
    round();
    let (mut own, mut unit, mut spent, mut rounds) = (f64::MAX, f64::MAX, 0.0, 0);
    while rounds < ROUNDS_MIN || (rounds < ROUNDS_MAX && spent < SECONDS_MAX) {
        let (one, other) = (seconds(&mut round), seconds(|| validate(payloads)));
        (own, unit) = (own.min(one), unit.min(other));
        (spent, rounds) = (spent + one + other, rounds + 1);
    }
    own / unit
}

/// Rules at the same few paths, whose values hardly any event has.
pub(crate) fn focused(
    chance: &mut Chance,
    events: &[Value],
    count: usize,
    owner: impl Fn(usize) -> usize,
) -> RuleBook {
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

/// Calls for each set of payloads, with its name: those of our own making, and with `TOCSIN_TEST_DATA` the real ones.
pub(crate) fn for_each_set(mut measure: impl FnMut(&str, &[String])) {
    let mut chance = Chance(20_250_707);
    let made: Vec<String> = (0..300).map(|_| event(&mut chance).to_string()).collect();
    measure("made", &made);
    let Some(folder) = std::env::var_os("TOCSIN_TEST_DATA") else { return };
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
