//! The command line, parsed and checked. Everything below takes these values and asks for nothing else.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Open-loop load against a running Tocsin, measured as a stranger would.
///
/// Exit codes: 0 nothing lost and nothing extra, 1 otherwise, 2 wrong usage, 3 the other side failed.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Post rules, send events at a set rate, read the alerts, and say what came late, not at all or too often.
    Run(Box<Run>),
    /// Only send the events of a run to Kafka, as fast as --rate says: a backlog for `drain`. Give it the run's --run-id.
    Fill(Box<Run>),
    /// Measure what a consumer that does nothing useful costs on the same topic.
    Reference(Reference),
    /// Measure the latency of a transactional echo, which does nothing but commit as the product does.
    Echo(crate::reference::echo::Echo),
    /// Watch a process work off a backlog, and tell what an event costs it. Prints one JSON object.
    Drain(crate::reference::drain::Drain),
}

/// The settings of one run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where the API listens.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) target: String,
    /// The file that holds a bearer token which may write rules and events for any customer.
    #[arg(long, default_value = "data/root.token")]
    pub(crate) token_file: PathBuf,
    /// Events per second.
    #[arg(long, default_value = "1000")]
    pub(crate) rate: NonZeroU64,
    /// How long to send.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// Alerts caused within this time of the start are left out of the latency figures, not out of lost and extra.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub(crate) warmup: Duration,
    /// How long to wait for alerts after the last event was accepted.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) drain: Duration,
    /// How long to wait between the last rule and the first event.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub(crate) settle: Duration,
    /// How many customers share the events.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) customers: u32,
    /// Rules per customer that are to fire, each once. One more is posted that must stay silent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rules: u32,
    /// One event in this many carries the probe that its customer's rules count.
    #[arg(long, default_value = "100")]
    pub(crate) probe_every: NonZeroU64,
    /// The seed of all chance. Customers also depend on --run-id, since a rule reads its customer's history.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Sets this run's customers apart from those of earlier runs on the same log [default: drawn anew].
    #[arg(long)]
    pub(crate) run_id: Option<uuid::Uuid>,
    /// `audit` (0.7 KB), `webhook` (10 KB), or a file with one JSON object a line.
    #[arg(long, default_value = "audit")]
    pub(crate) workload: String,
    /// HTTP: events due within this time go out as one request; the wait counts as latency.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) batch_ms: u64,
    /// HTTP: connections that send, each for its own share of the customers.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// Send events to this Kafka and read alerts from it, instead of over HTTP. Rules still go over HTTP.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Kafka: the topic to send to.
    #[arg(long, default_value = "events")]
    pub(crate) events_topic: String,
    /// Kafka: the topic the alerts are read from.
    #[arg(long, default_value = "tocsin.alerts")]
    pub(crate) alerts_topic: String,
    /// Kafka: how the producer compresses.
    #[arg(long, default_value = "lz4", value_parser = ["none", "lz4", "zstd", "gzip", "snappy"])]
    pub(crate) compression: String,
    /// Kafka: afterwards read the events topic with bare consumers and report what they cost.
    #[arg(long)]
    pub(crate) references: bool,
    /// Also report the CPU time that this local process used while events were sent, per event.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Leave the rules in place at the end.
    #[arg(long)]
    pub(crate) keep_rules: bool,
    /// Also write the result as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// A reference on its own.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    /// What the consumer does with each record.
    #[arg(value_enum)]
    pub(crate) work: crate::reference::Work,
    /// The broker.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: String,
    /// The topic, read from its beginning to where it ends now.
    #[arg(long, default_value = "events")]
    pub(crate) topic: String,
    /// Stop after this many records.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events_max: u64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `500ms`, `60s`, `2m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` does not begin with a whole number"))?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(format!("`{text}` needs a unit: ms, s, m or h, as in `60s`")),
    };
    millis
        .filter(|millis| *millis <= 24 * 3_600_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is more than a day"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_need_a_unit_and_an_end() {
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("60").is_err());
        assert!(duration("s").is_err());
        assert!(duration("25h").is_err());
        assert!(duration("99999999999999999999s").is_err());
    }
}
