//! The functions that the fuzzer calls, with rules and events by chance and with what becomes of them when some bytes
//! change.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a seed may be given by the environment, and is printed"
)]

mod fuzzed;
mod made;

use made::{Chance, condition, customer, document, event};

fn chance() -> Chance {
    let seed = std::env::var("TOCSIN_TEST_SEED")
        .ok()
        .map_or(20_261_121, |seed| seed.parse().expect("a seed is a number"));
    println!("TOCSIN_TEST_SEED={seed}");
    Chance(seed)
}

const PIECES: [&[u8]; 24] = [
    b"\"", b"\\", b"{", b"}", b"[", b"]", b"(", b")", b",", b":", b"0", b"-", b"1e999", b".", b"..", b"*",
    b"?", b"@", b"$.a", b"\\ud800", b" && ", b"!", b"\x00", b"\xff",
];

/// The bytes with a few changes.
fn changed(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..chance.below(4) {
        let from = chance.below(bytes.len() + 1);
        let to = (from + chance.below(4)).min(bytes.len());
        let piece = PIECES[chance.below(PIECES.len())];
        let piece = if chance.one_in(4) { &[] } else { piece };
        bytes.splice(from..to, piece.iter().copied());
    }
    bytes
}

#[test]
fn texts_of_rules() {
    let mut chance = chance();
    let events: Vec<_> = (0..20).map(|_| event(&mut chance)).collect();
    for _ in 0..2_000 {
        let text = condition(&mut chance, &events);
        fuzzed::rule_text(&changed(&mut chance, text.into_bytes()));
    }
}

#[test]
fn rules_as_json() {
    let mut chance = chance();
    let events: Vec<_> = (0..20).map(|_| event(&mut chance)).collect();
    for alert in 0..2_000 {
        let text = document(customer(alert % 3), alert, &condition(&mut chance, &events));
        fuzzed::rule_json(&changed(&mut chance, text.into_bytes()));
    }
}

#[test]
fn payloads() {
    let mut chance = chance();
    for _ in 0..1_000 {
        let text = event(&mut chance).to_string();
        fuzzed::payload(&changed(&mut chance, text.into_bytes()));
    }
}
