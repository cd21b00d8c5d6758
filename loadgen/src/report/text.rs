//! The result of a run as text for people.

use super::{Report, Watched};
use crate::machine::Machine;
use crate::reference::{Cost, Work};
use crate::table::{Table, grouped, latencies, rounded};

impl Report {
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
        if !self.failures.is_empty() {
            parts.push(list("not done", &self.failures));
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
        let Machine { cores, cpu, memory_gib, kernel } = &self.machine;
        let build = if self.versions.optimised { "release" } else { "dev" };
        let mut table = Table::default();
        table
            .row("machine", format!("{cores} cores, {cpu}, {memory_gib} GiB, Linux {kernel}"))
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
                format!("{} of {}", grouped(load.events_accepted), grouped(load.events_planned)),
            )
            .row("bytes per event", rounded(load.bytes_per_event))
            .row(
                "events/s",
                format!("{} of {} asked for", rounded(load.rate_accepted), grouped(load.rate_planned)),
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
            table.row("requests", format!("{}, {} asked to come again", grouped(load.batches), load.retries));
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
        if let Some(ratio) = self.parse_reference_ratio {
            table.row("parsing reference", format!("{ratio:.2} times that CPU per event"));
        }
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
        .row("bytes per event", rounded(cost.bytes as f64 / cost.events.max(1) as f64))
        .row("peak RSS MiB", grouped(cost.peak_rss_bytes >> 20));
    if cost.not_json > 0 {
        table.row("not JSON", grouped(cost.not_json));
    }
    table.render(match cost.work {
        Work::Consume => "reference: a consumer that does nothing",
        Work::Parse => "reference: a consumer that parses envelope and payload",
    })
}
