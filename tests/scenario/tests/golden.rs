//! The scenario files of `tests/scenarios/`, each in every way that must make no difference.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::path::{Path, PathBuf};

use scenario::{Scenario, check};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "scenario")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_comes_out_as_it_says_in_every_way() {
    let (mut failed, mut runs, mut expected) = (Vec::new(), 0, 0);
    let files = files();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy();
        let scenario = match Scenario::read(&std::fs::read_to_string(file).unwrap()) {
            Ok(scenario) => scenario,
            Err(malformed) => {
                failed.push(format!("{name}: {malformed}"));
                continue;
            },
        };
        expected += scenario.expected();
        match check(&scenario) {
            Ok(ways) => runs += ways,
            Err(failure) => failed.push(format!("{name}: {failure}")),
        }
    }
    println!("{} scenarios, {runs} runs, {expected} records expected of each", files.len());
    assert!(failed.is_empty(), "{} scenarios failed\n\n{}", failed.len(), failed.join("\n"));
    assert!(files.len() >= 40, "there are {} scenarios", files.len());
}

/// The examples of `docs/scenarios.md` and `docs/rules.md`.
#[test]
fn the_documentation_says_what_happens() {
    let mut failed = Vec::new();
    for (page, least) in [("scenarios.md", 1), ("rules.md", 11)] {
        let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
        let text = std::fs::read_to_string(text).unwrap();
        let examples: Vec<_> = text.split("```scenario\n").skip(1).collect();
        assert!(examples.len() >= least, "{page} has {} examples", examples.len());
        for example in examples {
            let example = example.split("```").next().unwrap();
            let outcome = Scenario::read(example).map_err(|malformed| malformed.to_string());
            let outcome = outcome.and_then(|read| check(&read).map_err(|failure| failure.to_string()));
            if let Err(problem) = outcome {
                failed.push(format!("{page}: {problem}\n{example}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
