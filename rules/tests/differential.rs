//! Paths by chance on documents by chance: our evaluator and `jsonpath-rust` select the same nodes.
//!
//! Known defects of `jsonpath-rust` 1.0 are left out by the generators: `==` with an epsilon and integers in f64 (numbers
//! here are small), `count()` of no nodes, which is no number there, a filter directly on `@` as a test, functions
//! without their comparison, and patterns with `\r` near a dot. Several selectors in one pair of brackets come in another order there (selector by selector instead of node by
//! node), so those results are compared without order.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a seed may be given by the environment, and is printed"
)]

mod made;

use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use made::Chance;
use rules::{Document, Node, Path, PathError};
use serde_json::{Value, json};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "é"];
const SCALARS: [&str; 10] = ["1", "2", "1.5", "-1", "'a'", "'ab'", "''", "true", "false", "null"];

fn document(chance: &mut Chance, depth: usize) -> Value {
    match chance.below(if depth == 0 { 6 } else { 14 }) {
        0 => Value::Null,
        1 => json!(chance.below(2) == 0),
        2 | 3 => [json!(1), json!(2), json!(1.5), json!(-1), json!(0)][chance.below(5)].clone(),
        4 | 5 => json!(chance.pick(&["", "a", "ab", "b", "ba", "é"])),
        6..=8 => (0..chance.below(4)).map(|_| document(chance, depth - 1)).collect(),
        _ => {
            let members =
                (0..chance.below(4)).map(|_| (chance.pick(&NAMES).to_owned(), document(chance, depth - 1)));
            Value::Object(members.collect())
        },
    }
}

fn selector(chance: &mut Chance, filters: usize) -> String {
    match chance.below(if filters == 0 { 6 } else { 8 }) {
        0 | 1 => format!("'{}'", chance.pick(&NAMES)),
        2 => "*".to_owned(),
        3 => chance.pick(&["0", "1", "-1", "-2", "5"]).to_owned(),
        4 => chance.pick(&["1:", ":1", "::2", "::-1", "-2:", "2:0:-1", ":", "0:9:2", "1:2:0"]).to_owned(),
        5 => format!("\"{}\"", chance.pick(&NAMES)),
        _ => format!("?{}", filter(chance, filters - 1, 2)),
    }
}

fn segments(chance: &mut Chance, filters: usize, mut descendants: usize) -> String {
    let mut text = String::new();
    for _ in 0..chance.below(4) {
        match chance.below(8) {
            0 | 1 => text.push_str(&format!(".{}", chance.pick(&NAMES))),
            2 => text.push_str(".*"),
            3 if descendants > 0 => {
                descendants -= 1;
                text.push_str(&format!(
                    "..{}",
                    chance.pick(&["a", "b", "*", "[0]", "[-1]", "['a']", "['a','b']", "[?@.a]"])
                ));
            },
            4 => text.push_str(&format!("[{},{}]", selector(chance, 0), selector(chance, 0))),
            _ => text.push_str(&format!("[{}]", selector(chance, filters))),
        }
    }
    text
}

fn singular(chance: &mut Chance) -> String {
    let steps = (0..chance.below(3)).map(|_| match chance.below(3) {
        0 => format!(".{}", chance.pick(&NAMES)),
        1 => format!("['{}']", chance.pick(&NAMES)),
        _ => format!("[{}]", chance.pick(&["0", "1", "-1"])),
    });
    format!("@{}", steps.collect::<String>())
}

fn operand(chance: &mut Chance) -> String {
    match chance.below(8) {
        0..=2 => chance.pick(&SCALARS).to_owned(),
        3..=5 => singular(chance),
        6 => format!("length({})", singular(chance)),
        _ => format!("value(@.{}.*)", chance.pick(&NAMES)),
    }
}

fn filter(chance: &mut Chance, filters: usize, depth: usize) -> String {
    match chance.below(if depth == 0 { 4 } else { 7 }) {
        0 | 1 => {
            let sign = chance.pick(&["==", "!=", "<", "<=", ">", ">="]);
            format!("{} {sign} {}", operand(chance), operand(chance))
        },
        2 => format!("@.{}{}", chance.pick(&NAMES), segments(chance, filters, 0)),
        3 => {
            let function = chance.pick(&["match", "search"]);
            format!("{function}({},'{}')", singular(chance), chance.pick(&["a", "a.?", "[ab]+", "b$", "^b"]))
        },
        4 => format!("!({})", filter(chance, filters, depth - 1)),
        5 => format!("({} && {})", filter(chance, filters, depth - 1), filter(chance, filters, depth - 1)),
        _ => format!("({} || {})", filter(chance, filters, depth - 1), filter(chance, filters, depth - 1)),
    }
}

fn theirs(path: &str, document: &Value) -> Vec<Value> {
    let query = parse_json_path(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    js_path_process(&query, document)
        .expect("the query is evaluated")
        .into_iter()
        .map(|node| node.val().clone())
        .collect()
}

/// Evaluations of one path, each on another document.
const DOCUMENTS: usize = 5;

/// So many evaluations, or as many as `TOCSIN_TEST_PATHS` says: 20,000, and a million in `scripts/test`.
#[test]
fn the_same_nodes_as_jsonpath_rust() {
    let asked = std::env::var("TOCSIN_TEST_PATHS").ok();
    let evaluations = asked.map_or(20_000, |number| number.parse().expect("TOCSIN_TEST_PATHS is a number"));
    compare(evaluations);
}

fn compare(evaluations: usize) {
    let seed = std::env::var("TOCSIN_TEST_SEED")
        .ok()
        .map_or(20_250_707, |seed| seed.parse().expect("a seed is a number"));
    println!("TOCSIN_TEST_SEED={seed}");
    let mut chance = Chance(seed);
    let (mut compared, mut selected) = (0, 0);
    while compared < evaluations {
        let text = format!("${}", segments(&mut chance, 2, 1));
        let path = match Path::parse(&text) {
            Ok(path) => path,
            Err(PathError::Limit { .. }) => continue,
            Err(error) => panic!("{text}: {error}"),
        };
        for _ in 0..DOCUMENTS {
            let value = document(&mut chance, 4);
            let document = Document::parse(&value.to_string(), 64).expect("it was made here");
            let mut ours: Vec<String> =
                path.select(&document.root).into_iter().map(Node::to_string).collect();
            let mut theirs: Vec<String> =
                theirs(&text, &value).iter().map(|value| Node::from(value).to_string()).collect();
            if text.contains(',') {
                ours.sort();
                theirs.sort();
            }
            assert_eq!(ours, theirs, "{text} on {value}");
            compared += 1;
            selected += ours.len();
        }
    }
    println!("{compared} evaluations compared, {selected} nodes selected");
}
