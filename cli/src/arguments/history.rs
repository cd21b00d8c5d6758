//! What `tocsin history` is told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::{Output, Remote, SettingFlags};

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Show what the archive holds.
    Status {
        #[command(flatten)]
        settings: SettingFlags,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Add events from before the log began: .ndjson, .jsonl, .json (each also with .gz) and .parquet files, or folders or buckets of them.
    Import(ImportArguments),
    /// Merge small files, remove days that are too old and files that nobody reads any more. A running archiver does it by itself.
    Compact {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Erase one customer's events from the archive, and leave a record of it.
    Erase {
        #[command(flatten)]
        settings: SettingFlags,
        /// Whose events.
        #[arg(long, value_name = "UUID")]
        customer: Uuid,
        /// The name of the request, which the record carries.
        #[arg(long, value_name = "NAME")]
        request: String,
    },
    /// Let the archive go on behind records that the log has lost. Needs Kafka.
    AcceptGap {
        #[command(flatten)]
        settings: SettingFlags,
        /// Of which partition.
        #[arg(long, value_name = "N")]
        partition: u32,
    },
}

/// What a number of time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimeUnit {
    S,
    Ms,
    Us,
}

/// What `tocsin history import` is told.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    /// Files, or folders that are searched for them; or s3://BUCKET/PREFIX, with the client's options as for checkpoints.
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Where in a line the customer's UUID stands.
    #[arg(long, value_name = "PATH", default_value = "$.customerId")]
    pub(crate) customer_path: String,
    /// All lines are of this customer.
    #[arg(long, value_name = "UUID", conflicts_with = "customer_path")]
    pub(crate) customer: Option<Uuid>,
    /// Where the time stands: RFC 3339, or a number.
    #[arg(long, value_name = "PATH", default_value = "$.timestamp")]
    pub(crate) time_path: String,
    /// What a number of time counts.
    #[arg(long, value_enum, default_value = "ms")]
    pub(crate) time_unit: TimeUnit,
    /// Where the event's own id stands, to be kept in the header `id`.
    #[arg(long, value_name = "PATH")]
    pub(crate) id_path: Option<String>,
    /// Where the payload stands, an object or its text; `$` is the whole line.
    #[arg(long, value_name = "PATH", default_value = "$.payload")]
    pub(crate) payload_path: String,
    /// Import files without their bad lines, instead of not at all.
    #[arg(long)]
    pub(crate) skip_bad_lines: bool,
}

/// What `tocsin rules preview` is told.
#[derive(Debug, Args)]
pub(crate) struct PreviewArguments {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// The file with the rule, or `-`.
    pub(crate) rule: PathBuf,
    /// The file of a rule to compare it with.
    #[arg(long, value_name = "FILE", conflicts_with = "in_force")]
    pub(crate) other: Option<PathBuf>,
    /// Compare it with the rule in force that has the same ids.
    #[arg(long)]
    pub(crate) in_force: bool,
    /// Only events of this customer; may be given more than once.
    #[arg(long, value_name = "UUID")]
    pub(crate) customer: Vec<Uuid>,
    /// Only records from this time on (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only records before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// How long it may take [default: 60].
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// How much of events it may read [default: 4096].
    #[arg(long, value_name = "N")]
    pub(crate) mebibytes: Option<u64>,
    /// How much of one core it may use [default: 50].
    #[arg(long, value_name = "N")]
    pub(crate) cpu_percent: Option<u32>,
}
