//! The examples of `docs/rules.md` are true. Four kinds of boxes:
//!
//! - `condition`: a condition in either form, then lines of `true` or `false` and a payload;
//! - `path`: a path, then lines of the nodes that it selects, `  of  `, and a payload;
//! - `explain`: the text of a condition, a payload, then the explanation;
//! - `refused`: the text of a condition, then what its author is told.
#![expect(clippy::disallowed_methods, reason = "the documentation is a file")]

use rules::{Condition, Document, ExplainLimits, Marks, Node, Path, Selections};

fn boxes(kind: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md"))
        .expect("the documentation can be read");
    let mut boxes = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```").filter(|found| !found.is_empty()) {
            let inside: Vec<_> =
                lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
            assert!(
                ["condition", "path", "explain", "refused"].contains(&found),
                "no test runs boxes of `{found}`"
            );
            if found == kind {
                boxes.push(inside);
            }
        }
    }
    assert!(!boxes.is_empty());
    boxes
}

fn node(text: &str) -> Node {
    Document::parse(text, 64).unwrap_or_else(|error| panic!("{text}: {error}")).root
}

fn answer(line: &str) -> Option<(bool, Node)> {
    let (answer, payload) = line.split_once("  ")?;
    Some((answer.parse().ok()?, node(payload.trim_start())))
}

#[test]
fn conditions_hold_as_the_documentation_says() {
    let mut answers = 0;
    for lines in boxes("condition") {
        let first = lines.iter().position(|line| answer_starts(line)).unwrap();
        let text = lines[..first].join("\n");
        let condition = if text.starts_with('{') {
            Condition::read(&node(&text), &[]).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
        } else {
            Condition::parse(&text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        for line in &lines[first..] {
            let (expected, payload) = answer(line).unwrap_or_else(|| panic!("no answer and payload: {line}"));
            assert_eq!(condition.holds(&payload, &Selections::new()), expected, "{text} on {line}");
            answers += 1;
        }
    }
    println!("{answers} answers");
}

fn answer_starts(line: &str) -> bool {
    line.starts_with("true ") || line.starts_with("false ")
}

#[test]
fn paths_select_what_the_documentation_says() {
    for lines in boxes("path") {
        let path = Path::parse(&lines[0]).unwrap_or_else(|error| panic!("{}: {error}", lines[0]));
        assert!(lines.len() > 1);
        for line in &lines[1..] {
            let (expected, payload) = line.split_once("  of  ").unwrap();
            let payload = node(payload);
            let selected = Node::Array(path.select(&payload).into_iter().cloned().collect());
            assert_eq!(selected, node(expected), "{} on {line}", lines[0]);
        }
    }
}

#[test]
fn explanations_are_as_the_documentation_says() {
    for lines in boxes("explain") {
        let [text, payload, expected @ ..] = &lines[..] else {
            panic!("a condition and a payload: {lines:?}")
        };
        let condition = Condition::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        let explanation = condition
            .explain(&node(payload), &Selections::new(), ExplainLimits::default())
            .to_text(Marks::Signs);
        assert_eq!(explanation.lines().collect::<Vec<_>>(), *expected, "{explanation}");
    }
}

#[test]
fn mistakes_are_answered_as_the_documentation_says() {
    for lines in boxes("refused") {
        let [text, expected] = &lines[..] else { panic!("a text and an answer: {lines:?}") };
        assert_eq!(Condition::parse(text, &[]).unwrap_err().to_string(), *expected);
    }
}
