//! `tocsin rules test`

use std::path::PathBuf;

use engine::{Difference, TestReport, run_tests};
use serde_json::{Value, json};

use super::{rule_files, validate};
use crate::arguments::Output;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn test(files: &[PathBuf], output: Output) -> Result<(), Failure> {
    let mut found = Vec::new();
    for file in files {
        found.extend(rule_files::read(file)?);
    }
    let (mut passed, mut failed) = (0, 0);
    for rule in validate::sound(found)? {
        let reports = run_tests(&rule).map_err(|failure| Failure::other_side(failure.to_string()))?;
        for report in reports {
            let count = if report.passed { &mut passed } else { &mut failed };
            *count += 1;
            match output {
                Output::Json => println!("{}", json!({"rule": rule.key.to_string(), "test": report})),
                Output::Text => println!("{}", shown(&rule.name, &report)),
            }
        }
    }
    if output == Output::Text {
        println!("{passed} passed, {failed} failed");
    }
    match (passed, failed) {
        (0, 0) => Err(Failure::usage("the rules carry no tests")),
        (_, 0) => Ok(()),
        _ => Err(Failure::no(format!("{failed} tests of rules failed"))),
    }
}

fn shown(rule: &str, report: &TestReport) -> String {
    let verdict = if report.passed { "ok    " } else { "FAILED" };
    let mut text = format!("{verdict}  {rule}: {}", report.name);
    for event in &report.cut {
        text += &format!(
            "\n  event {}: the rule looks at more than 100,000 nodes of it; a running system would suspend the rule",
            event + 1
        );
    }
    for Difference { index, expected, actual } in &report.differences {
        let side =
            |side: &Option<Value>| side.as_ref().map_or_else(|| "no alert".to_owned(), Value::to_string);
        text += &format!(
            "\n  alert {}\n    expected  {}\n    came      {}",
            index + 1,
            side(expected),
            side(actual)
        );
    }
    text
}
