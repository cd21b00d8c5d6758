//! Reads scenario files.

use std::collections::BTreeMap;

use rules::{RuleKey, Timestamp, read_rule};
use serde_json::{Map, Value};

use crate::expectation;
use crate::lines::{Line, Malformed, Words, lines};
use crate::moment;
use crate::names::{Names, TENANT};
use crate::scenario::{Action, Scenario, Step};

/// The longest file, in bytes.
const BYTES_MAX: usize = 1 << 20;
/// The most steps of one scenario.
const STEPS_MAX: usize = 1_000;
/// The most expectations of one scenario.
const EXPECTED_MAX: usize = 10_000;

/// What may stand after a time.
const ACTIONS: &str = "`event`, `broken`, `rule`, `edit`, `delete` or `silence` after the time";

/// Reads a scenario.
pub(crate) fn read(text: &str) -> Result<Scenario, Malformed> {
    let refused = |line, message: String, expected: String| Err(Malformed { line, message, expected });
    if text.len() > BYTES_MAX {
        return refused(1, format!("the file has {} bytes", text.len()), format!("at most {BYTES_MAX}"));
    }
    let mut reader = Reader::default();
    for line in lines(text)? {
        reader.line(&line)?;
        let expected: usize = reader.steps.iter().map(|step| step.expected.len()).sum();
        if reader.steps.len() > STEPS_MAX || expected > EXPECTED_MAX {
            let most = format!("at most {STEPS_MAX} steps and {EXPECTED_MAX} expected records");
            return refused(line.number, "the scenario is too long".to_owned(), most);
        }
    }
    if !reader.steps.iter().any(|step| matches!(step.action, Action::Event(..))) {
        let expected = "at least one line such as `1s event {\"a\": 1}`";
        return refused(text.lines().count(), "the scenario has no events".to_owned(), expected.to_owned());
    }
    Ok(Scenario { steps: reader.steps, names: reader.names })
}

#[derive(Default)]
struct Reader {
    steps: Vec<Step>,
    names: Names,
    /// The rules as they were posted last, by name.
    rules: BTreeMap<String, (RuleKey, Map<String, Value>)>,
}

impl Reader {
    fn line(&mut self, line: &Line) -> Result<(), Malformed> {
        let mut words = Words::of(line);
        let first = words.word("a line")?;
        if first == "=>" {
            let known = |name: &str| self.rules.get(name).map(|(key, _)| *key);
            let expected = expectation::read(&mut words, line.number, known, &mut self.names)?;
            let Some(step) = self.steps.last_mut() else {
                return Err(words.wrong("nothing has happened yet", "an expectation below a step"));
            };
            step.expected.push(expected);
            return Ok(());
        }
        let (at, action) = if first == "rule" {
            (self.steps.last().map(|step| step.at).unwrap_or_default(), "rule")
        } else {
            let wrong = || {
                words.wrong(
                    format!("`{first}` begins no line"),
                    format!("`rule`, `=>`, or {}", moment::EXPECTED),
                )
            };
            let at = moment::read(first).ok_or_else(wrong)?;
            (at, words.word(ACTIONS)?)
        };
        let action = self.action(action, &mut words)?;
        self.steps.push(Step { line: line.number, at, action, expected: Vec::new() });
        Ok(())
    }

    fn action(&mut self, action: &str, words: &mut Words<'_>) -> Result<Action, Malformed> {
        let action = match action {
            "event" | "broken" => {
                let customer = if words.take("of") { words.word("the name of a customer")? } else { TENANT };
                let customer = self.names.customer(customer);
                let value = words.json("the payload of the event: a JSON object")?;
                // A payload that is no good is written as a string, so that the file stays readable.
                let payload = match (action, serde_json::from_str::<String>(value.get())) {
                    ("broken", Ok(text)) => text,
                    ("broken", Err(_)) => {
                        return Err(words.wrong(
                            "a broken payload is not quoted",
                            "`broken \"…\"`, what it says as a string",
                        ));
                    },
                    _ => value.get().to_owned(),
                };
                Action::Event(customer, payload)
            },
            "rule" => {
                let name = words.word("the name of the rule")?;
                let rule = self.object(words, "the rule: a JSON object")?;
                self.rule(name, rule, words)?
            },
            "edit" => {
                let (name, mut rule) = self.known(words)?;
                for (field, value) in self.object(words, "the fields that change: a JSON object")? {
                    // As in RFC 7396, for fields of the rule; what is inside of them is replaced as a whole.
                    match value {
                        Value::Null => drop(rule.remove(&field)),
                        value => drop(rule.insert(field, value)),
                    }
                }
                self.rule(&name, rule, words)?
            },
            "delete" => {
                let (name, _) = self.known(words)?;
                let (key, _) =
                    self.rules.remove(&name).ok_or_else(|| words.wrong("no such rule", "a rule"))?;
                Action::Delete(key)
            },
            "silence" => Action::Silence,
            other => return Err(words.wrong(format!("`{other}` is nothing that happens"), ACTIONS)),
        };
        words.end("the end of the line")?;
        Ok(action)
    }

    fn known(&self, words: &mut Words<'_>) -> Result<(String, Map<String, Value>), Malformed> {
        let name = words.word("the name of a rule")?;
        let known = self.rules.get(name).map(|(_, rule)| (name.to_owned(), rule.clone()));
        known.ok_or_else(|| words.wrong(format!("there is no rule `{name}` here"), self.names_of_rules()))
    }

    fn names_of_rules(&self) -> String {
        let names: Vec<_> = self.rules.keys().map(String::as_str).collect();
        format!("one of the rules in force: {}", names.join(", "))
    }

    fn object(&self, words: &mut Words<'_>, expected: &str) -> Result<Map<String, Value>, Malformed> {
        let json = words.json(expected)?;
        serde_json::from_str(json.get()).map_err(|_| words.wrong("this is no object", expected))
    }

    fn rule(
        &mut self,
        name: &str,
        mut rule: Map<String, Value>,
        words: &Words<'_>,
    ) -> Result<Action, Malformed> {
        self.names.complete(name, &mut rule);
        let text = Value::Object(rule.clone()).to_string();
        let (read, _) = read_rule(text.as_bytes(), None).map_err(|invalid| {
            let problems: Vec<_> = invalid
                .problems
                .iter()
                .map(|problem| {
                    format!(
                        "{} at {}: {}, expected {}",
                        problem.code.code(),
                        problem.pointer,
                        problem.message,
                        problem.expected
                    )
                })
                .collect();
            words.wrong(
                format!("rule `{name}` is refused: {}", problems.join("; ")),
                "a rule that can be saved",
            )
        })?;
        self.names.rule(read.key.alert, name);
        self.rules.insert(name.to_owned(), (read.key, rule));
        Ok(Action::Rule(read.key, text))
    }
}

/// Reads a time, or says that it is none.
pub(crate) fn time(words: &mut Words<'_>) -> Result<Timestamp, Malformed> {
    let word = words.word(moment::EXPECTED)?;
    moment::read(word).ok_or_else(|| words.wrong(format!("`{word}` is no time"), moment::EXPECTED))
}
