//! `tocsin rules import`: lines go to the API in requests of some MiB, so that neither side holds the file.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;

use serde_json::{Value, json};

use crate::arguments::{Output, Remote};
use crate::client::{Client, describe_place, describe_problem};
use crate::failure::Failure;

/// A request is complete with so many bytes, or lines.
const REQUEST_BYTES: usize = 4 << 20;
const REQUEST_LINES: u64 = 20_000;
const STATUSES: [&str; 5] = ["created", "replaced", "unchanged", "invalid", "stale"];

/// Runs the command.
pub(crate) fn import(remote: &Remote, file: &Path, dry_run: bool) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let failed = |error: std::io::Error| Failure::usage(format!("{name}: {error}"));
    let mut lines: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).map_err(failed)?))
    };
    let path = if dry_run { "/v1/rules:import?dryRun=true" } else { "/v1/rules:import" };
    let mut course = Course::new(name.clone(), remote.output);
    loop {
        let mut body = Vec::new();
        let mut count = 0;
        while body.len() < REQUEST_BYTES && count < REQUEST_LINES {
            match lines.read_until(b'\n', &mut body).map_err(failed)? {
                0 => break,
                _ => count += 1,
            }
        }
        if count == 0 {
            return course.end(dry_run);
        }
        let answer = client.post_for_lines(path, "application/x-ndjson", &body)?;
        course.follow(answer, client.server())?;
        course.before += count;
    }
}

/// What has come of the lines so far.
struct Course {
    file: String,
    output: Output,
    /// Lines of the file in earlier requests.
    before: u64,
    counts: [u64; STATUSES.len()],
    effective: bool,
    shows_progress: bool,
}

impl Course {
    fn new(file: String, output: Output) -> Self {
        let shows_progress = output == Output::Text && std::io::stderr().is_terminal();
        Self { file, output, before: 0, counts: [0; STATUSES.len()], effective: true, shows_progress }
    }

    /// Reads an answer to its end.
    fn follow(&mut self, answer: impl BufRead, server: &str) -> Result<(), Failure> {
        let broken =
            |what: String| Failure::other_side(format!("{server}: the import has broken off: {what}"));
        for line in answer.lines() {
            let line = line.map_err(|error| broken(error.to_string()))?;
            let mut report: Value = serde_json::from_str(&line).map_err(|error| broken(error.to_string()))?;
            let Some(number) = report["line"].as_u64() else {
                self.effective &= report["summary"]["effective"] != Value::Bool(false);
                return self.stopped(&report["stopped"]);
            };
            report["line"] = (self.before + number).into();
            self.take(&report);
        }
        Err(broken("the last line is missing".to_owned()))
    }

    fn take(&mut self, report: &Value) {
        let status = report["status"].as_str().unwrap_or_default();
        for (count, _) in self.counts.iter_mut().zip(STATUSES).filter(|(_, name)| *name == status) {
            *count += 1;
        }
        if self.output == Output::Json {
            println!("{report}");
        } else if let Some(problems) = report["problems"].as_array() {
            let mut message = format!("{} line {}: {status}", self.file, report["line"]);
            problems.iter().for_each(|place| describe_place(&mut message, place));
            eprintln!("{}{message}", if self.shows_progress { "\r\x1b[K" } else { "" });
        }
        if self.shows_progress && self.total().is_multiple_of(1_000) {
            eprint!("\r{} lines", self.total());
        }
    }

    fn stopped(&self, problem: &Value) -> Result<(), Failure> {
        if problem.is_null() {
            return Ok(());
        }
        let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
        let message = format!(
            "{} after line {}; {}",
            describe_problem(status, problem),
            self.before,
            "importing the file again does no harm"
        );
        Err(if status >= 500 { Failure::other_side(message) } else { Failure::usage(message) })
    }

    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn end(self, dry_run: bool) -> Result<(), Failure> {
        if self.shows_progress {
            eprint!("\r\x1b[K");
        }
        let [.., invalid, stale] = self.counts;
        match self.output {
            Output::Json => {
                let counts = STATUSES.into_iter().zip(self.counts);
                let mut summary: Value =
                    counts.map(|(name, count)| (name.to_owned(), json!(count))).collect();
                summary["lines"] = self.total().into();
                summary["dryRun"] = dry_run.into();
                if !dry_run {
                    summary["effective"] = self.effective.into();
                }
                println!("{}", json!({ "summary": summary }));
            },
            Output::Text => {
                let counts: Vec<String> = STATUSES
                    .into_iter()
                    .zip(self.counts)
                    .map(|(name, count)| format!("{name} {count}"))
                    .collect();
                let force = match (dry_run, self.effective) {
                    (true, _) => "; nothing was written",
                    (false, true) => "",
                    (false, false) => "; not yet effective on every partition",
                };
                println!("{}{force}", counts.join(", "));
            },
        }
        match invalid + stale {
            0 => Ok(()),
            refused => Err(Failure::usage(format!("{refused} of {} lines were refused", self.total()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(course: &mut Course, answer: &str) -> Result<(), Failure> {
        course.follow(answer.as_bytes(), "http://x")
    }

    #[test]
    fn answers_are_counted_over_requests() {
        let mut course = Course::new("f".to_owned(), Output::Json);
        let answer = "{\"line\":1,\"status\":\"created\"}\n{\"line\":2,\"status\":\"invalid\"}\n{\"summary\":{\"effective\":true}}\n";
        follow(&mut course, answer).unwrap();
        course.before += 2;
        follow(&mut course, "{\"line\":1,\"status\":\"created\"}\n{\"summary\":{\"effective\":false}}")
            .unwrap();
        assert_eq!((course.counts, course.effective), ([2, 0, 0, 1, 0], false));
        assert_eq!(course.end(false).unwrap_err().code(), 2);
    }

    #[test]
    fn an_import_that_stops_or_breaks_off_is_no_success() {
        let mut course = Course::new("f".to_owned(), Output::Json);
        let stopped = |status: u16| json!({"summary": {}, "stopped": {"status": status, "code": "TOC-1", "detail": "d"}});
        for (status, code) in [(413, 2), (503, 3)] {
            assert_eq!(follow(&mut course, &stopped(status).to_string()).unwrap_err().code(), code);
        }
        for broken in ["", "{\"line\":1,\"status\":\"created\"}\n", "{\"line\""] {
            assert_eq!(follow(&mut course, broken).unwrap_err().code(), 3);
        }
    }
}
