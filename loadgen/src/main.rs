//! `loadgen`: open-loop load on a running Tocsin, and whether every alert came, once, and how soon.
//! It shares no code with what it measures. `workload` knows the truth, `send` and `alerts` talk to the other side,
//! `ledger` compares, `report` tells.

mod alerts;
mod arguments;
mod console;
mod failure;
mod http;
mod kafka;
mod latency;
mod ledger;
mod machine;
mod measure;
mod process;
mod reference;
mod report;
mod rules;
mod run;
mod schedule;
mod send;
mod splitmix;
mod table;
#[cfg(test)]
mod testing;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console::error(&error);
            ExitCode::from(failure::exit_code(&error))
        },
    }
}

/// Does what was asked; the exit code.
fn perform(command: Command) -> Result<u8> {
    match command {
        Command::Run(settings) => {
            if settings.references && settings.kafka.is_none() {
                console::progress("--references needs --kafka; they are left out, as the report says");
            }
            let report = run::run(&settings)?;
            console::result(&report.render());
            if let Some(path) = &settings.report {
                report.write(path)?;
            }
            Ok(match (report.exact, report.failures.is_empty()) {
                (true, true) => 0,
                (false, _) => 1,
                (true, false) => 3,
            })
        },
        Command::Fill(settings) => {
            let events = run::fill(&settings)?;
            console::result(&format!("{events} events sent"));
            Ok(0)
        },
        Command::Reference(settings) => {
            let cost =
                reference::measure(settings.work, &settings.kafka, &settings.topic, settings.events_max)?;
            console::result(&if settings.json { serde_json::to_string(&cost)? } else { report::cost(&cost) });
            Ok(0)
        },
        Command::Drain(settings) => {
            let drained = reference::drain::measure(&settings)?;
            console::result(&serde_json::to_string(&drained)?);
            Ok(0)
        },
        Command::Echo(settings) => {
            let summary = reference::echo::run(&settings)?;
            console::result(&table::latencies(&[("transactional echo", Some(&summary))]));
            Ok(0)
        },
    }
}
