//! The examples of `docs/rules.md` are true. The kinds of boxes:
//!
//! - `json rule`: a rule, which is accepted and reads back from what is printed of it;
//! - `json fields`: fields that make one together with a customer, a name and, where they say none, a `match`;
//! - `refused rule`: such fields on one line, then what their author is told;
//! - `condition`: a condition in either form, then lines of `true` or `false` and a payload;
//! - `path`: a path, then lines of the nodes that it selects, `  of  `, and a payload;
//! - `explain`: the text of a condition, a payload, then the explanation;
//! - `refused`: the text of a condition, then what its author is told.
#![expect(clippy::disallowed_methods, reason = "the documentation is a file, and the environment says where")]

use rules::{AlertId, Condition, Document, ExplainLimits, Invalid, Marks, Node, Path, Rule, RuleVersion};
use rules::{Selections, read_rule, rule_schema, write_rule};
use serde_json::{Value, json};

/// Boxes of `scenario` are run by the tests of the crate of that name.
const KINDS: [&str; 8] =
    ["json rule", "json fields", "refused rule", "condition", "path", "explain", "refused", "scenario"];

fn text() -> String {
    // Asked at run time: a target folder that several checkouts share keeps the paths of one of them.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    std::fs::read_to_string(format!("{folder}/../docs/rules.md")).expect("the documentation can be read")
}

fn boxes(kind: &str) -> Vec<Vec<String>> {
    let text = text();
    let mut boxes = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```").filter(|found| !found.is_empty()) {
            let inside: Vec<_> =
                lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
            assert!(KINDS.contains(&found), "no test runs boxes of `{found}`");
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

fn read(text: &str) -> Result<Rule, Invalid> {
    let fresh: AlertId = "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10".parse().expect("this is an id");
    Ok(read_rule(text.as_bytes(), Some(fresh))?.0)
}

/// A rule of these fields.
fn with(fields: &str) -> String {
    let mut rule = json!({"customerId": "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34", "alertName": "an example"});
    let fields: Value = serde_json::from_str(fields).unwrap_or_else(|error| panic!("{fields}: {error}"));
    let says_which = fields.get("pattern").is_some() || fields.pointer("/aggregate/decrement").is_some();
    if !says_which {
        rule["match"] = json!("$.a");
    }
    for (name, value) in fields.as_object().expect("fields are an object") {
        rule[name] = value.clone();
    }
    rule.to_string()
}

fn schema() -> impl Fn(&Value) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("rule.json", rule_schema()).expect("a URL and a document");
    let index = compiler.compile("rule.json", &mut schemas).expect("the schema is sound");
    move |rule| schemas.validate(rule, index).unwrap_or_else(|error| panic!("{rule}\n{error:#}"))
}

#[test]
fn rules_are_accepted_and_read_back() {
    let is_in_schema = schema();
    let whole = boxes("json rule").into_iter().map(|lines| lines.join("\n"));
    let fields = boxes("json fields").into_iter().map(|lines| with(&lines.join("\n")));
    for text in whole.chain(fields) {
        let rule = read(&text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"));
        let written = write_rule(&rule, RuleVersion(1));
        assert_eq!(read(&written.to_string()), Ok(rule), "{written}");
        is_in_schema(&serde_json::from_str(&text).expect("it was read"));
        is_in_schema(&written);
    }
}

#[test]
fn mistakes_in_rules_are_answered_as_the_documentation_says() {
    for lines in boxes("refused rule") {
        assert_eq!(read(&with(&lines[0])).unwrap_err().to_string(), lines[1..].join("\n"));
    }
}

#[test]
fn every_field_is_documented() {
    fn fields(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                found.extend(
                    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()),
                );
                members.values().for_each(|inner| fields(inner, found));
            },
            Value::Array(elements) => elements.iter().for_each(|inner| fields(inner, found)),
            _ => {},
        }
    }
    let (text, mut names) = (text(), Vec::new());
    fields(&rule_schema(), &mut names);
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")) && !text.contains(&format!("\"{name}\"")))
        .collect();
    assert!(names.len() > 80 && missing.is_empty(), "{missing:?}");
}
