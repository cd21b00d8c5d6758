//! The result of a run: one value, for machines as JSON; `text` says it to people.

mod text;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use uuid::Uuid;

use crate::arguments::Run;
use crate::latency::Summary;
use crate::ledger::Verdict;
use crate::machine::Machine;
use crate::measure::Measured;
use crate::process::Usage;
use crate::reference::{Cost, Work};
use crate::workload::Workload;
pub(crate) use text::cost;

/// The schedule was not kept if more than one event in this many left late.
const LATE_EVENTS_ALLOWED: u64 = 100;

/// Everything a reader needs to judge, repeat and compare a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Whether exactly the expected alerts came.
    pub(crate) exact: bool,
    /// What failed around the measurement; nothing, if all was done that was asked for.
    pub(crate) failures: Vec<String>,
    command_line: Vec<String>,
    seed: u64,
    run_id: Uuid,
    mode: &'static str,
    machine: Machine,
    versions: Versions,
    load: Load,
    alerts: Verdict,
    extra: u64,
    alert_latency: Option<Summary>,
    event_answers: Option<Summary>,
    watched: Option<Watched>,
    references: Vec<Cost>,
    notes: Vec<String>,
}

/// What took part.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    loadgen: &'static str,
    optimised: bool,
    librdkafka: String,
    target: Option<String>,
}

/// What was sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    customers: usize,
    rules: usize,
    events_planned: u64,
    events_accepted: u64,
    bytes_per_event: f64,
    rate_planned: u64,
    rate_accepted: f64,
    seconds: f64,
    batches: u64,
    retries: u64,
    events_late: u64,
    behind_max_ms: f64,
    kept_schedule: bool,
    loadgen_cpu_seconds: f64,
}

/// What the watched process used.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    cpu_seconds: f64,
    cpu_micros_per_event: f64,
    peak_rss_bytes: u64,
    /// CPU time per event of the parsing reference over that of the watched process: 2 is half its cost.
    parse_reference_ratio: Option<f64>,
}

/// Puts a run's parts together.
pub(crate) fn of(
    settings: &Run,
    run_id: Uuid,
    target: Option<String>,
    workload: &Workload,
    measured: Measured,
    references: Vec<Cost>,
) -> Report {
    let sent = &measured.sent;
    let load = Load {
        customers: workload.customers().len(),
        rules: workload.rules().len(),
        events_planned: workload.schedule().count(),
        events_accepted: sent.events,
        bytes_per_event: sent.bytes as f64 / sent.events.max(1) as f64,
        rate_planned: settings.rate.get(),
        rate_accepted: sent.events as f64 / sent.finished.as_secs_f64().max(1e-9),
        seconds: sent.finished.as_secs_f64(),
        batches: sent.batches,
        retries: sent.retries,
        events_late: sent.late,
        behind_max_ms: sent.behind_max.as_secs_f64() * 1e3,
        loadgen_cpu_seconds: measured.own_cpu.as_secs_f64(),
        kept_schedule: sent.late <= sent.events / LATE_EVENTS_ALLOWED,
    };
    let watched = measured.watched.map(|usage| watched(usage, sent.events, &references));
    let alert_latency = measured.latencies.summary();
    Report {
        exact: measured.verdict.exact(),
        failures: measured.failures.clone(),
        command_line: std::env::args().collect(),
        seed: settings.seed,
        run_id,
        mode: if settings.kafka.is_some() { "kafka" } else { "http" },
        machine: Machine::here(),
        versions: Versions {
            loadgen: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            target,
        },
        notes: notes(settings, &load, &measured, alert_latency.as_ref()),
        load,
        extra: measured.verdict.extra(),
        alerts: measured.verdict,
        alert_latency,
        event_answers: sent.answers.summary(),
        watched,
        references,
    }
}

/// What the watched process used, per event and next to the parsing reference.
fn watched(usage: Usage, events: u64, references: &[Cost]) -> Watched {
    let cpu_micros_per_event = usage.cpu.as_secs_f64() * 1e6 / events.max(1) as f64;
    let parse = references.iter().find(|cost| cost.work == Work::Parse);
    Watched {
        cpu_seconds: usage.cpu.as_secs_f64(),
        cpu_micros_per_event,
        peak_rss_bytes: usage.peak_rss_bytes,
        parse_reference_ratio: parse
            .filter(|_| cpu_micros_per_event > 0.0)
            .map(|cost| cost.cpu_micros_per_event / cpu_micros_per_event),
    }
}

/// What a reader of the figures has to know.
fn notes(settings: &Run, load: &Load, measured: &Measured, latency: Option<&Summary>) -> Vec<String> {
    let mut notes = vec![
        "latency runs from the scheduled send time of the causing event to the reading of its alert"
            .to_owned(),
    ];
    if cfg!(debug_assertions) {
        notes.push("loadgen was built in the dev profile; measure with a release build".to_owned());
        if settings.references {
            notes.push("the parsing reference is too slow in it, so ratios to it flatter".to_owned());
        }
    }
    if !load.kept_schedule {
        notes.push("the sender fell behind its schedule; the latencies include its delay, and the load was not what was asked for".to_owned());
    }
    if settings.kafka.is_none() {
        notes.push(format!(
            "events wait up to {} ms for their batch, which counts as latency",
            settings.batch_ms
        ));
        notes.push(
            "references are left out: over HTTP there is no topic that a bare consumer could read".to_owned(),
        );
    } else if !settings.references {
        notes.push("references were not asked for (--references)".to_owned());
    }
    if measured.reconnects > 0 {
        notes.push(format!("the alert stream was opened again {} times", measured.reconnects));
    }
    match latency {
        None => notes.push("no alert came that was caused after the warm-up (--warmup)".to_owned()),
        Some(summary) if summary.count < 1_000 => {
            notes.push("p99.9 rests on fewer than 1 000 alerts".to_owned());
        },
        Some(_) => {},
    }
    notes
}

impl Report {
    /// Writes the result as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("the report is JSON")?;
        std::fs::write(path, text + "\n")
            .with_context(|| format!("cannot write the report {}", path.display()))
    }
}
