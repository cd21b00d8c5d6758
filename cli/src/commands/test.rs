//! `tocsin rules test`: the tests that rules carry, and scenarios.

use std::path::{Path, PathBuf};

use engine::{Difference, TestReport, run_tests};
use scenario::Scenario;
use serde_json::{Value, json};

use super::{input, rule_files, validate};
use crate::arguments::Output;
use crate::failure::Failure;

/// How files of scenarios end.
const SCENARIO: &str = "scenario";

/// Runs the command.
pub(crate) fn test(files: &[PathBuf], output: Output) -> Result<(), Failure> {
    let (mut rules, mut scenarios) = (Vec::new(), Vec::new());
    for file in files {
        let is_scenario = file.extension().is_some_and(|ending| ending == SCENARIO);
        if is_scenario || file.is_dir() {
            scenarios.extend(rule_files::files(file, &[SCENARIO])?);
        }
        if !is_scenario {
            rules.extend(rule_files::read(file)?);
        }
    }
    // All that is wrong in the files is told before anything runs.
    let rules = validate::sound(rules)?;
    let scenarios: Vec<_> = scenarios.iter().map(|file| scenario(file)).collect::<Result<_, _>>()?;
    let mut tally = Tally { output, passed: 0, failed: 0 };
    for rule in rules {
        let reports = run_tests(&rule).map_err(|failure| Failure::other_side(failure.to_string()))?;
        for report in reports {
            let told = json!({"rule": rule.key.to_string(), "test": report});
            tally.tell(report.passed, told, &shown(&rule.name, &report));
        }
    }
    for (file, scenario) in &scenarios {
        match scenario::check(scenario) {
            Ok(ways) => {
                let told = json!({"scenario": file, "passed": true, "ways": ways});
                tally.tell(true, told, &format!("ok      {file}: in {ways} ways"));
            },
            Err(failure) => {
                let why = failure.to_string();
                let shown = format!("FAILED  {file}: {}", why.trim_end());
                tally.tell(false, json!({"scenario": file, "passed": false, "failure": why}), &shown);
            },
        }
    }
    tally.end()
}

fn scenario(file: &Path) -> Result<(String, Scenario), Failure> {
    let name = file.display().to_string();
    let text = String::from_utf8(input::read(file)?)
        .map_err(|_| Failure::usage(format!("{name}: this is not UTF-8; expected text")))?;
    let scenario = Scenario::read(&text).map_err(|wrong| Failure::usage(format!("{name}: {wrong}")))?;
    Ok((name, scenario))
}

/// How many passed, and how that is printed.
struct Tally {
    output: Output,
    passed: usize,
    failed: usize,
}

impl Tally {
    fn tell(&mut self, passed: bool, told: Value, shown: &str) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
        match self.output {
            Output::Json => println!("{told}"),
            Output::Text => println!("{shown}"),
        }
    }

    fn end(&self) -> Result<(), Failure> {
        let Self { output, passed, failed } = *self;
        if output == Output::Text {
            println!("{passed} passed, {failed} failed");
        }
        match (passed, failed) {
            (0, 0) => {
                Err(Failure::usage("there is nothing to run: expected rules with `tests`, or scenarios"))
            },
            (_, 0) => Ok(()),
            _ => Err(Failure::no(format!("{failed} tests failed"))),
        }
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
