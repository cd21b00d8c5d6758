//! The quick way and the reader give the same, on documents by chance and on what becomes of them when they are damaged.
#![expect(clippy::disallowed_methods, reason = "real events and a seed may be given by the environment")]

#[path = "../../../tests/made/chance.rs"]
mod chance;

use std::path::Path as FilePath;

use chance::Chance;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::document::{Document, DocumentError, Interest};
use crate::path::Path;
use crate::simd::Portable;
use crate::simd::Task;

const NAMES: [&str; 12] =
    ["a", "b", "id", "user", "login", "repository", "é", "", "a\\u0062", "\\u0061", "x\\\"y", "node_id"];
const SCALARS: [&str; 24] = [
    "1",
    "-2.5e+3",
    "0",
    "12345678",
    "123456789012345678901234567890",
    "1e999",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"é😀\"",
    "\"\\ud83d\\ude00\"",
    "\"\\\\\"",
    "\"\\\"\"",
    "\"line\\nline\\t\\/\"",
    "\"{[,:]}\"",
    "\"https://api.example.com/repos/octo/hello\"",
    "9223372036854775808",
    "-0",
    "0.1E2",
    "\"\\\\\\\"\\u0000\"",
    "\"MDQ6VXNlcjE=\"",
    "\"2026-11-21T13:49:52Z\"",
];

/// A sound text.
fn text(chance: &mut Chance, depth: usize, blanks: bool, into: &mut String) {
    let gap = |chance: &mut Chance, into: &mut String| {
        if blanks && chance.below(3) == 0 {
            into.push_str(chance.pick(&[" ", "\n  ", "\t", "\r\n", "        "]));
        }
    };
    gap(chance, into);
    match chance.below(if depth == 0 { 3 } else { 8 }) {
        0..=2 => into.push_str(chance.pick(&SCALARS)),
        3 => {
            into.push('[');
            for index in 0..chance.below(5) {
                into.push_str(if index == 0 { "" } else { "," });
                text(chance, depth - 1, blanks, into);
            }
            gap(chance, into);
            into.push(']');
        },
        _ => {
            into.push('{');
            for index in 0..chance.below(6) {
                into.push_str(if index == 0 { "" } else { "," });
                gap(chance, into);
                into.push_str(&format!("\"{}\"", chance.pick(&NAMES)));
                gap(chance, into);
                into.push(':');
                text(chance, depth - 1, blanks, into);
            }
            gap(chance, into);
            into.push('}');
        },
    }
    gap(chance, into);
}

/// Damages a text in a place or two.
fn damage(chance: &mut Chance, text: &mut String) {
    const PIECES: [&str; 34] = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "1e5", ".", "\\ud800", "\\udc00", "\\u00e9", " ",
        "\n", "\u{1}", "\0", "null", "tru", "e", "é", "\\\\", "\\\"", "{}", "[]", "\"a\":", ",\"a\":1", ",1",
        "\u{7f}", "\u{feff}", "'", "/",
    ];
    for _ in 0..=chance.below(2) {
        let place = |chance: &mut Chance, text: &str| {
            let mut at = chance.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let from = place(chance, text);
        match chance.below(7) {
            // Structural characters matter most: one of them changes.
            0 | 1 => {
                let found =
                    text.bytes().enumerate().skip(from).find(|(_, byte)| b"\"\\{}[],:".contains(byte));
                if let Some((at, _)) = found {
                    text.replace_range(at..=at, chance.pick(&PIECES));
                }
            },
            2 => {
                let to = place(chance, text);
                let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 70));
                if text.is_char_boundary(to) {
                    text.replace_range(from..to, "");
                }
            },
            3 => {
                let to = place(chance, text);
                let copy = text.get(from.min(to)..from.max(to)).unwrap_or_default().to_owned();
                if copy.len() < 200 {
                    let at = place(chance, text);
                    text.insert_str(at, &copy);
                }
            },
            // Where strings are, this one may do no harm.
            4 => text.insert_str(from, chance.pick(&["x", " ", "1", "é"])),
            _ => text.insert_str(from, chance.pick(&PIECES)),
        }
    }
}

fn interest(chance: &mut Chance) -> Interest {
    let mut interest = Interest::default();
    for _ in 0..chance.below(5) {
        let mut path = "$".to_owned();
        for _ in 0..=chance.below(3) {
            path.push_str(chance.pick(&[
                ".a",
                ".b",
                ".id",
                ".user",
                ".login",
                ".repository",
                "['é']",
                "['']",
                ".ab",
                "['x\"y']",
                ".node_id",
                "[*]",
                ".*",
                "[0]",
                "[?@.id]",
                ".sender",
                ".action",
                ".commits",
                ".owner",
            ]));
        }
        interest.add(&Path::parse(&path).unwrap());
    }
    interest
}

/// Compares everything that can be said about a text; answers whether it was sound.
fn compare(text: &str, interests: &[&Interest]) -> bool {
    for wanted in [Wanted::of(interests), Wanted::All] {
        let expected = Document::parse_part(text, 64, wanted);
        let quick = read_usual(text, 64, &wanted);
        match &expected {
            Ok(document) if document.replaced.is_none() => {
                assert_eq!(quick.as_ref(), Some(&document.root), "{text:?}");
            },
            _ => assert_eq!(quick, None, "{text:?}"),
        }
        let literal = Value::from(text).to_string();
        assert_eq!(read_usual_quoted(&literal, 64, &wanted), quick, "{literal}");
    }
    let (mut marks, mut second, mut portable) = (Vec::new(), Vec::new(), Vec::new());
    let (text_bytes, depth_max, scalars) = (text.as_bytes(), 64, &mut Places::default());
    let count = simd::best(Scan { text: text_bytes, depth_max, marks: &mut marks, scalars });
    let same = simd::second_best(Scan { text: text_bytes, depth_max, marks: &mut second, scalars });
    assert_eq!(same, count, "{text:?}");
    let same = Scan { text: text_bytes, depth_max, marks: &mut portable, scalars }.run(Portable);
    assert_eq!(same, count, "{text:?}");
    let written = ..count.unwrap_or(0);
    assert!(marks[written] == second[written] && marks[written] == portable[written], "{text:?}");
    // To serde_json a document may nest deeper, and half a surrogate pair is no fault where a string is not kept.
    let theirs = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match Document::parse(text, 64) {
        Ok(_) => assert!(theirs, "{text:?}"),
        Err(DocumentError::TooDeep { .. }) => {},
        Err(DocumentError::Syntax { .. }) => assert!(!theirs, "{text:?}"),
    }
    count.is_some()
}

/// Damages each of the texts so often.
fn compare_damaged(chance: &mut Chance, texts: &[String], times: usize) -> (usize, usize) {
    let (mut sound, mut unsound) = (0, 0);
    for text in texts {
        let interests: Vec<Interest> = (0..=chance.below(3)).map(|_| interest(chance)).collect();
        let interests: Vec<&Interest> = interests.iter().collect();
        compare(text, &interests);
        for _ in 0..times {
            let mut damaged = text.clone();
            damage(chance, &mut damaged);
            let count = if compare(&damaged, &interests) { &mut sound } else { &mut unsound };
            *count += 1;
        }
    }
    (sound, unsound)
}

fn chance() -> Chance {
    let seed = std::env::var("TOCSIN_TEST_SEED").ok().map_or(20_261_121, |seed| seed.parse().unwrap());
    println!("TOCSIN_TEST_SEED={seed}");
    Chance(seed)
}

fn by_chance(chance: &mut Chance, count: usize) -> Vec<String> {
    let one = |_| {
        let mut own = String::new();
        let blanks = chance.below(4) == 0;
        text(chance, 5, blanks, &mut own);
        own
    };
    (0..count).map(one).collect()
}

/// The lines of real events, if there are any, a share of them.
fn real(one_in: usize) -> Vec<String> {
    let Some(folder) = std::env::var_os("TOCSIN_TEST_DATA") else { return Vec::new() };
    let files = std::fs::read_dir(FilePath::new(&folder)).expect("TOCSIN_TEST_DATA is a folder");
    let files = files.flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|is| is == "ndjson"));
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    texts.flat_map(|text| text.lines().step_by(one_in).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_quick_way_and_the_reader_give_the_same() {
    let mut chance = chance();
    let texts = by_chance(&mut chance, 10_000);
    let (sound, unsound) = compare_damaged(&mut chance, &texts, 10);
    println!("{sound} damaged texts were sound, {unsound} were not");
    assert!(sound > 10_000 && unsound > 50_000);
    let real = real(20);
    let (sound, unsound) = compare_damaged(&mut chance, &real, 5);
    println!("of {} real texts {sound} were sound after damage, {unsound} were not", real.len());
}

#[test]
#[ignore = "takes minutes; cargo test -p rules --lib document::quick -- --ignored --nocapture"]
fn the_quick_way_and_the_reader_give_the_same_at_length() {
    let mut chance = chance();
    for _ in 0..100 {
        let texts = by_chance(&mut chance, 10_000);
        compare_damaged(&mut chance, &texts, 10);
    }
    compare_damaged(&mut chance, &real(1), 100);
}
