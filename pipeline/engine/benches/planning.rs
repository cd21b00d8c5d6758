//! What an event costs on its whole way from the bytes of its envelope to the rules it meets, as a multiple of U (see the
//! benchmark of the crate `rules`, which prices the stages of that way).
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and its data, and prints"
)]

#[path = "../../../rules/tests/made/mod.rs"]
mod made;
#[path = "../../../rules/benches/measure/mod.rs"]
mod measure;

use std::hint::black_box;

use bytes::Bytes;
use engine::{Input, Partition, plan};
use made::{Chance, customer};
use measure::{focused, for_each_set, ratio};
use rules::Matcher;
use serde_json::{Value, json};

fn inputs(texts: &[String], payload: impl Fn(&str) -> Value) -> Vec<Input> {
    let envelope = |text: &String| {
        let payload = payload(text).to_string();
        format!(r#"{{"customerId":"{}","payload":{payload}}}"#, customer(1))
    };
    let input = |text| Input { value: Some(Bytes::from(envelope(text))), ..Input::default() };
    texts.iter().map(input).collect()
}

fn main() {
    for_each_set(|name, texts| {
        let events: Vec<Value> =
            texts.iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect();
        println!(
            "{name}: {} events of {} bytes on average",
            texts.len(),
            texts.iter().map(String::len).sum::<usize>() / texts.len()
        );
        let strings = inputs(texts, |text| json!(text));
        let objects = inputs(texts, |text| serde_json::from_str(text).expect("it is JSON"));
        for count in [0, 10, 1_000, 10_000] {
            let snapshot = Matcher::compile(&focused(&mut Chance(1), &events, count, |_| 0));
            let cost = |inputs: &[Input]| {
                ratio(texts, || {
                    let plan = plan(&snapshot, Partition(0), 1, inputs.to_vec());
                    assert_eq!(black_box(plan).refused(), 0);
                })
            };
            println!(
                "  {count:>6} rules: {:.2} U, with payloads that are objects {:.2} U",
                cost(&strings),
                cost(&objects)
            );
        }
    });
}
