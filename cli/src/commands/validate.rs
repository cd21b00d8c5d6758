//! `tocsin rules validate`

use std::path::PathBuf;

use rules::{Problem, Rule};
use serde_json::{Value, json};

use super::rule_files::{self, RuleInFile};
use crate::arguments::Output;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn validate(files: &[PathBuf], output: Output) -> Result<(), Failure> {
    let mut rules = Vec::new();
    for file in files {
        rules.extend(rule_files::read(file)?);
    }
    let problems: Vec<Value> = rules.iter().flat_map(problems).collect();
    let invalid = rules.iter().filter(|rule| rule.rule.is_err()).count();
    let valid = rules.len() - invalid;
    match output {
        Output::Json => println!("{}", json!({"valid": valid, "invalid": invalid, "problems": problems})),
        Output::Text => println!("{valid} valid, {invalid} invalid"),
    }
    match (rules.is_empty(), &problems[..]) {
        (true, _) => Err(Failure::usage("there are no rules in these files")),
        (false, []) => Ok(()),
        (false, _) if output == Output::Json => Err(Failure::usage(format!("{invalid} rules are not valid"))),
        (false, problems) => Err(Failure::usage(problems.iter().map(told).collect::<Vec<_>>().join("\n"))),
    }
}

/// The rules of files, for commands that take all of them or none: every problem is told.
pub(crate) fn sound(found: Vec<RuleInFile>) -> Result<Vec<Rule>, Failure> {
    let problems: Vec<String> = found.iter().flat_map(problems).map(|problem| told(&problem)).collect();
    if !problems.is_empty() {
        return Err(Failure::usage(problems.join("\n")));
    }
    Ok(found.into_iter().filter_map(|found| found.rule.ok()).collect())
}

/// The problems of a rule, with their places in the file.
fn problems(rule: &RuleInFile) -> Vec<Value> {
    let found = rule.rule.as_ref().err().into_iter().flatten();
    found.map(|problem| placed(rule, problem)).collect()
}

fn placed(rule: &RuleInFile, problem: &Problem) -> Value {
    // A place without a pointer is one in the rule's own text, which stands somewhere in the file.
    let (line, column) = match problem.place.filter(|_| problem.pointer.is_empty()) {
        Some((1, column)) => (rule.line, rule.column + column - 1),
        Some((line, column)) => (rule.line + line - 1, column),
        None => (rule.line, rule.column),
    };
    let mut told = json!({
        "file": rule.file, "line": line, "column": column, "code": problem.code.code(), "pointer": problem.pointer,
        "message": problem.message, "expected": problem.expected,
    });
    if let Some((line, column)) = problem.place.filter(|_| !problem.pointer.is_empty()) {
        told["textLine"] = line.into();
        told["textColumn"] = column.into();
    }
    told
}

/// A problem in a line.
fn told(problem: &Value) -> String {
    let text = |field: &str| problem[field].as_str().unwrap_or_default();
    let pointer = match (text("pointer"), problem["textLine"].as_u64(), problem["textColumn"].as_u64()) {
        ("", ..) => String::new(),
        (pointer, Some(line), Some(column)) => format!("{pointer} line {line} column {column}: "),
        (pointer, ..) => format!("{pointer}: "),
    };
    format!(
        "{}:{}:{}: {} {pointer}{}; expected {}",
        text("file"),
        problem["line"],
        problem["column"],
        text("code"),
        text("message"),
        text("expected")
    )
}
