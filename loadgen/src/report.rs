//! The result of a run: one value, for machines as JSON and for people as tables.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use uuid::Uuid;

use crate::arguments::Run;
use crate::latency::Summary;
use crate::ledger::Verdict;
use crate::machine::Machine;
use crate::measure::Measured;
use crate::reference::Cost;
use crate::table::{Table, grouped, latencies, rounded};
use crate::workload::Workload;

/// The schedule was not kept if more than one event in this many left late.
const LATE_EVENTS_ALLOWED: u64 = 100;

/// Everything a reader needs to judge, repeat and compare a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Whether exactly the expected alerts came.
    pub(crate) exact: bool,
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
}

/// What the watched process used.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    cpu_seconds: f64,
    cpu_micros_per_event: f64,
    peak_rss_bytes: u64,
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
        kept_schedule: sent.late <= sent.events / LATE_EVENTS_ALLOWED,
    };
    let watched = measured.watched.map(|usage| Watched {
        cpu_seconds: usage.cpu.as_secs_f64(),
        cpu_micros_per_event: usage.cpu.as_secs_f64() * 1e6 / sent.events.max(1) as f64,
        peak_rss_bytes: usage.peak_rss_bytes,
    });
    let alert_latency = measured.latencies.summary();
    Report {
        exact: measured.verdict.exact(),
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

/// What a reader of the figures has to know.
fn notes(settings: &Run, load: &Load, measured: &Measured, latency: Option<&Summary>) -> Vec<String> {
    let mut notes = vec![
        "latency runs from the scheduled send time of the causing event to the reading of its alert"
            .to_owned(),
    ];
    if cfg!(debug_assertions) {
        notes.push("loadgen was built without optimisation; measure with a release build".to_owned());
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
        notes.push(format!(
            "the alert stream was opened again {} times",
            measured.reconnects
        ));
    }
    match latency {
        None => notes.push("no alert was caused after the warm-up (--warmup)".to_owned()),
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

    /// The result for people.
    pub(crate) fn render(&self) -> String {
        let mut parts = vec![self.surroundings(), self.load_table(), self.alert_table()];
        let mut rows = vec![("alerts", self.alert_latency.as_ref())];
        if self.mode == "http" {
            rows.push(("event answers", self.event_answers.as_ref()));
        }
        parts.push(latencies(&rows));
        if let Some(watched) = &self.watched {
            parts.push(watched.render());
        }
        parts.extend(self.references.iter().map(cost));
        let list = |heading: &str, lines: &[String]| format!("{heading}\n  {}\n", lines.join("\n  "));
        if !self.alerts.examples.is_empty() {
            parts.push(list("faults", &self.alerts.examples));
        }
        parts.push(list("notes", &self.notes));
        parts.push(if self.exact {
            "exact: nothing lost, nothing extra".to_owned()
        } else {
            "NOT EXACT".to_owned()
        });
        parts.join("\n")
    }

    fn surroundings(&self) -> String {
        let Machine {
            cores,
            cpu,
            memory_gib,
            kernel,
        } = &self.machine;
        let build = if self.versions.optimised { "release" } else { "dev" };
        let mut table = Table::default();
        table
            .row(
                "machine",
                format!("{cores} cores, {cpu}, {memory_gib} GiB, Linux {kernel}"),
            )
            .row(
                "versions",
                format!(
                    "loadgen {} ({build}), librdkafka {}, target {}",
                    self.versions.loadgen,
                    self.versions.librdkafka,
                    self.versions.target.as_deref().unwrap_or("unknown")
                ),
            )
            .row("command", self.command_line.join(" "))
            .row("repeat", format!("--seed {} --run-id {}", self.seed, self.run_id));
        table.render("run")
    }

    fn load_table(&self) -> String {
        let load = &self.load;
        let mut table = Table::default();
        table
            .row("customers, rules", format!("{}, {}", load.customers, load.rules))
            .row(
                "events accepted",
                format!(
                    "{} of {}",
                    grouped(load.events_accepted),
                    grouped(load.events_planned)
                ),
            )
            .row("bytes per event", rounded(load.bytes_per_event))
            .row(
                "events/s",
                format!(
                    "{} of {} asked for",
                    rounded(load.rate_accepted),
                    grouped(load.rate_planned)
                ),
            )
            .row(
                "behind schedule",
                format!(
                    "{} events by more than 10 ms, at most {:.1} ms{}",
                    grouped(load.events_late),
                    load.behind_max_ms,
                    if load.kept_schedule { "" } else { "  FELL BEHIND" }
                ),
            );
        if self.mode == "http" {
            table.row(
                "requests",
                format!("{}, {} asked to come again", grouped(load.batches), load.retries),
            );
        }
        table.render("load")
    }

    fn alert_table(&self) -> String {
        let alerts = &self.alerts;
        let mut table = Table::default();
        table
            .row("expected", grouped(alerts.expected))
            .row("seen", grouped(alerts.seen))
            .row("lost", grouped(alerts.lost))
            .row(
                "extra",
                format!(
                    "{}  (repeated {}, unexpected {}, early {})",
                    grouped(self.extra),
                    alerts.repeated,
                    alerts.unexpected,
                    alerts.early
                ),
            )
            .row("of others", grouped(alerts.foreign));
        table.render("alerts")
    }
}

impl Watched {
    fn render(&self) -> String {
        let mut table = Table::default();
        table
            .row("CPU s", format!("{:.2}", self.cpu_seconds))
            .row("CPU µs per event", format!("{:.2}", self.cpu_micros_per_event))
            .row("peak RSS MiB", grouped(self.peak_rss_bytes >> 20));
        table.render("watched process, while events were sent")
    }
}

/// A reference for people.
pub(crate) fn cost(cost: &Cost) -> String {
    let mut table = Table::default();
    table
        .row("events", grouped(cost.events))
        .row("events/s", rounded(cost.events_per_second))
        .row("events per CPU s", rounded(cost.events_per_cpu_second))
        .row("CPU µs per event", format!("{:.2}", cost.cpu_micros_per_event))
        .row(
            "bytes per event",
            rounded(cost.bytes as f64 / cost.events.max(1) as f64),
        )
        .row("peak RSS MiB", grouped(cost.peak_rss_bytes >> 20));
    if cost.not_json > 0 {
        table.row("not JSON", grouped(cost.not_json));
    }
    table.render(match cost.work {
        crate::reference::Work::Consume => "reference: a consumer that does nothing",
        crate::reference::Work::Parse => "reference: a consumer that parses envelope and payload",
    })
}
