//! `tocsin doctor`: looks at everything that a deployment stands on, says what is wrong, and offers ways out.

mod disk;
mod offsets;
mod places;
mod process;

use ports::{ErrorKind, Log};

use crate::arguments::Fix;
use crate::config::Config;
use crate::failure::Failure;
use crate::roles::{open_log, topic_faults};

/// One thing that is wrong, and what to do about it.
pub(super) struct Finding {
    wrong: String,
    way_out: String,
}

impl Finding {
    pub(super) fn new(wrong: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), way_out: way_out.into() }
    }
}

/// Looks, or sets something right.
pub(crate) fn doctor(config: &Config, fix: Option<Fix>, yes: bool) -> Result<(), Failure> {
    match fix {
        None => examine(config),
        Some(Fix::Offsets) => offsets::reseed(open_log(config)?.as_ref(), config, yes),
    }
}

fn examine(config: &Config) -> Result<(), Failure> {
    let mut findings = disk::findings(config);
    findings.extend(process::findings(config));
    match open_log(config) {
        Ok(log) => findings.extend(of_log(log.as_ref(), config)),
        Err(failure) if config.kafka.is_none() => {
            println!("note     the log is not looked at: {failure}");
        },
        Err(failure) => {
            findings.push(Finding::new(failure.to_string(), "see --kafka and the table `kafka-client`"));
        },
    }
    findings.extend(places::findings(config));
    for finding in &findings {
        println!("wrong    {}\n         {}", finding.wrong, finding.way_out);
    }
    match findings.len() {
        0 => {
            println!("nothing is wrong");
            Ok(())
        },
        count => Err(Failure::no(format!("{count} things are wrong"))),
    }
}

/// What is wrong with topics and positions. Without an answer of the log there is nothing more to ask it.
fn of_log(log: &dyn Log, config: &Config) -> Vec<Finding> {
    let topics = match topic_faults(log, config) {
        Ok(faults) => faults,
        Err(error) => {
            let way_out = match error.kind {
                ErrorKind::Unavailable => "is a broker there? `--kafka HOST:PORT` names one",
                ErrorKind::Misconfigured
                | ErrorKind::Fenced
                | ErrorKind::Gone
                | ErrorKind::Corrupt
                | ErrorKind::Full
                | ErrorKind::Refused => "the message says what to change",
            };
            return vec![Finding::new(error.message, way_out)];
        },
    };
    let way_out = "`tocsin topics create` makes those that are missing; settings of others are changed with Kafka's tools";
    let mut findings: Vec<_> = topics.into_iter().map(|fault| Finding::new(fault, way_out)).collect();
    if findings.is_empty() {
        match offsets::findings(log, config) {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding::new(error.message, "the positions could not be looked at")),
        }
    }
    findings
}
