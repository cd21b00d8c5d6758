//! How rivals do on the same rules and events, as multiples of U (`serde_json::from_slice::<IgnoredAny>`) in one run.
//!
//! The rules are those that all of them can say: equality of one to three fields, lists, prefixes, existence, elements
//! of arrays; a third of them begin with a field that has a value of very many events. Run by `scripts/bench-anchors`, which
//! also gives the class path of the Java side.

#[path = "../../tests/made/mod.rs"]
mod made;
mod patterns;

use std::hint::black_box;
use std::process::Command;

use made::{Chance, customer, event, put, sets};
use patterns::Forms;
use quamina::Quamina;
use rules::{Matcher, RuleBook};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

const ROUNDS: usize = 5;

fn clock() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn seconds(mut round: impl FnMut()) -> f64 {
    let start = clock();
    round();
    clock() - start
}

fn unit(events: &[String]) -> f64 {
    seconds(|| {
        for text in events {
            black_box(
                serde_json::from_slice::<serde::de::IgnoredAny>(black_box(text.as_bytes()))
                    .expect("it is JSON"),
            );
        }
    })
}

/// The median of the ratios of neighbouring rounds, and the number of matches of a round.
fn ratio(events: &[String], mut round: impl FnMut() -> usize) -> (f64, usize) {
    let matches = round();
    let mut ratios: Vec<f64> =
        (0..ROUNDS).map(|_| seconds(|| _ = black_box(round())) / unit(events)).collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[ROUNDS / 2], matches)
}

fn ours(events: &[String], forms: &[Forms]) -> (f64, usize) {
    let mut book = RuleBook::default();
    for (alert, form) in forms.iter().enumerate() {
        book.apply(put(customer(0), alert, &form.condition));
    }
    let snapshot = Matcher::compile(&book);
    ratio(events, || {
        let each = events.iter().map(|text| {
            let payload = snapshot.read(customer(1), text).expect("it is a payload");
            snapshot.matches(customer(1), &payload).len()
        });
        each.sum()
    })
}

fn quamina(events: &[String], forms: &[Forms]) -> Result<(f64, usize), String> {
    let mut quamina = Quamina::new();
    for (alert, form) in forms.iter().enumerate() {
        quamina.add_pattern(alert, &form.pattern).map_err(|error| error.to_string())?;
    }
    Ok(ratio(events, || {
        let each =
            events.iter().map(|text| quamina.matches_for_event(text.as_bytes()).map_or(0, |met| met.len()));
        each.sum()
    }))
}

/// Every rule as a query of `jsonpath-rust`, on a `serde_json::Value`.
fn one_by_one(events: &[String], forms: &[Forms]) -> (f64, usize) {
    let parse = |form: &Forms| jsonpath_rust::parser::parse_json_path(&form.query).expect("it is a query");
    let queries: Vec<_> = forms.iter().map(parse).collect();
    ratio(events, || {
        let each = events.iter().map(|text| {
            let root = Value::Array(vec![serde_json::from_str(text).expect("it is JSON")]);
            let meets = |query| {
                jsonpath_rust::query::js_path_process(query, &root).is_ok_and(|nodes| !nodes.is_empty())
            };
            queries.iter().filter(|query| meets(query)).count()
        });
        each.sum()
    })
}

/// event-ruler in a Java machine of its own, between two measurements of U. It prints nanoseconds per event, matches of a
/// round and bytes per rule.
fn event_ruler(class_path: &str, folder: &std::path::Path, events: &[String], forms: &[Forms]) -> String {
    let files = [folder.join("events.ndjson"), folder.join("patterns.ndjson")];
    std::fs::write(&files[0], events.join("\n")).expect("the folder can be written");
    let patterns: Vec<&str> = forms.iter().map(|form| form.pattern.as_str()).collect();
    std::fs::write(&files[1], patterns.join("\n")).expect("the folder can be written");
    let median = || {
        let mut all: Vec<f64> = (0..ROUNDS).map(|_| unit(events)).collect();
        all.sort_by(f64::total_cmp);
        all[ROUNDS / 2]
    };
    let before = median();
    let run = Command::new("java").args(["-Xmx4g", "-cp", class_path, "Ruler"]).args(&files).output();
    let unit = (before + median()) / 2.0 / events.len() as f64 * 1e9;
    let output = match run {
        Ok(output) if output.status.success() => output.stdout,
        other => return format!("failed: {other:?}"),
    };
    let output = String::from_utf8_lossy(&output);
    let fields: Vec<f64> = output.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    match fields[..] {
        [nanoseconds, matches, bytes] => {
            format!("{:.2} U ({matches} matches, {bytes} B a rule)", nanoseconds / unit)
        },
        _ => format!("answered {output}"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = std::path::PathBuf::from(arguments.next().expect("a folder for files"));
    let class_path = arguments.next();
    let mut chance = Chance(20_250_707);
    let mut kinds: Vec<(&str, Vec<String>, &sets::Paths)> =
        vec![("made", (0..300).map(|_| event(&mut chance).to_string()).collect(), &sets::MADE)];
    if let Some(data) = std::env::var_os("TOCSIN_TEST_DATA") {
        let file = std::path::Path::new(&data).join("gh.ndjson");
        let text = std::fs::read_to_string(file).expect("gh.ndjson is in TOCSIN_TEST_DATA");
        kinds.push(("webhooks", text.lines().map(str::to_owned).collect(), &sets::WEBHOOKS));
    }
    for (name, events, paths) in &kinds {
        println!("{name}: {} payloads, U = {:.2} us", events.len(), unit(events) / events.len() as f64 * 1e6);
        for count in [10, 1_000, 10_000, 100_000] {
            let forms = patterns::set(count, paths);
            let (own, matches) = ours(events, &forms);
            print!("  {count:>6} rules: read and matched by us {own:.2} U ({matches} matches)");
            if count <= 1_000 {
                let (other, found) = one_by_one(events, &forms);
                print!(", jsonpath-rust {other:.0} U = {:.0} times ({found})", other / own);
            }
            if count <= 10_000 {
                // Its port to Rust is known to panic at 10,000 such rules.
                let run = std::panic::catch_unwind(|| quamina(events, &forms));
                match run {
                    Ok(Ok((other, found))) => {
                        print!(", quamina {other:.2} U = {:.1} times ({found})", other / own)
                    },
                    Ok(Err(error)) => print!(", quamina refuses: {error}"),
                    Err(_) => print!(", quamina panics"),
                }
            }
            if let Some(class_path) = &class_path {
                print!(", event-ruler {}", event_ruler(class_path, &folder, events, &forms));
            }
            println!();
        }
    }
}
