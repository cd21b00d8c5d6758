//! One run from the first rule to the last alert.
//! The order is what makes the truth hold: listen for alerts, put the rules in force, measure, take the rules away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use uuid::Uuid;

use crate::alerts;
use crate::arguments::Run;
use crate::failure::usage;
use crate::http::{Answer, Client, read_token};
use crate::measure::{Load, Measured, measure};
use crate::reference::{self, Cost, Work};
use crate::report::{self, Report};
use crate::schedule::Schedule;
use crate::send::{self, Job};
use crate::workload::bodies::Bodies;
use crate::workload::{Settings, Workload};
use crate::{console, rules};

const REFERENCE_EVENTS_MAX: u64 = 2_000_000;
/// The truth is drawn before the start, some ten million events a second.
const EVENTS_MAX: u64 = 1_000_000_000;
const RULES_MAX: u64 = 1_000_000;

/// Does the whole run.
pub(crate) fn run(settings: &Run) -> Result<Report> {
    let client = Client::new(&settings.target, &read_token(&settings.token_file)?)?;
    let bodies = Bodies::named(&settings.workload, settings.seed)?;
    let run_id = settings.run_id.unwrap_or_else(Uuid::new_v4);
    let workload = workload(settings, run_id)?;
    let target_version = version(&client);
    let load = Load { settings, client: &client, workload: &workload, bodies: &bodies };
    let mut measured = between_rules(&load)?;
    let references = references(settings).unwrap_or_else(|error| {
        measured.failures.push(format!("{error:#}"));
        Vec::new()
    });
    Ok(report::of(settings, run_id, target_version, &workload, measured, references))
}

/// Sends the events of a run and nothing else; how many.
pub(crate) fn fill(settings: &Run) -> Result<u64> {
    let Some(broker) = &settings.kafka else { return Err(usage("a backlog needs --kafka")) };
    let Some(run_id) = settings.run_id else {
        return Err(usage("name the run whose events these are: --run-id"));
    };
    let bodies = Bodies::named(&settings.workload, settings.seed)?;
    let workload = workload(settings, run_id)?;
    let job = Job {
        workload: &workload,
        bodies: &bodies,
        start: Instant::now(),
        period: Duration::from_millis(1),
        stop: &AtomicBool::new(false),
    };
    Ok(send::kafka::send(broker, &settings.events_topic, &settings.compression, job)?.events)
}

/// The workload that was asked for, if it can tell anything.
fn workload(settings: &Run, run: Uuid) -> Result<Workload> {
    let schedule = Schedule::new(settings.rate, settings.duration);
    if schedule.count() > EVENTS_MAX {
        return Err(usage(format!("--rate times --duration is more than {EVENTS_MAX} events")));
    }
    if u64::from(settings.customers) * (u64::from(settings.rules) + 1) > RULES_MAX {
        return Err(usage(format!("--customers times --rules is more than {RULES_MAX}")));
    }
    let workload = Workload::new(Settings {
        seed: settings.seed,
        run,
        customers: settings.customers,
        rules: settings.rules,
        probe_every: settings.probe_every,
        schedule,
    });
    if workload.expected().is_empty() {
        return Err(usage(
            "no event of this run would cause an alert; make --duration or --rate greater, or --probe-every smaller",
        ));
    }
    Ok(workload)
}

/// Measures while the rules are in force, and takes them away whatever came of it.
fn between_rules(load: &Load<'_>) -> Result<Measured> {
    let Load { settings, client, workload, .. } = *load;
    let (sender, sightings) = alerts::channel();
    let stop = Arc::new(AtomicBool::new(false));
    match &settings.kafka {
        None => alerts::stream::spawn(client.clone(), sender),
        Some(broker) => {
            alerts::topic::spawn(broker.clone(), settings.alerts_topic.clone(), Arc::clone(&stop), sender);
        },
    }
    alerts::wait_open(&sightings)?;

    console::progress(&format!("posting {} rules", workload.rules().len()));
    let mut measured = rules::post(client, workload.rules()).and_then(|()| {
        thread::sleep(settings.settle);
        measure(load, &stop, &sightings)
    });
    stop.store(true, Ordering::Relaxed);
    if !settings.keep_rules
        && let Err(error) = rules::delete(client, workload.rules())
        // Of a run that failed, the first failure is the one to tell.
        && let Ok(measured) = &mut measured
    {
        measured.failures.push(format!("rules of this run are left behind: {error:#}"));
    }
    measured
}

/// The references that were asked for.
fn references(settings: &Run) -> Result<Vec<Cost>> {
    let Some(broker) = settings.kafka.as_ref().filter(|_| settings.references) else {
        return Ok(Vec::new());
    };
    [Work::Consume, Work::Parse]
        .into_iter()
        .map(|work| {
            console::progress(&format!("measuring the reference {work:?}"));
            reference::measure_apart(work, broker, &settings.events_topic, REFERENCE_EVENTS_MAX)
        })
        .collect()
}

/// The version that the other side's contract names, if it says so.
fn version(client: &Client) -> Option<String> {
    let answer = client.get("/openapi.json").ok().filter(Answer::accepted)?;
    let contract: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    Some(contract["info"]["version"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests;
