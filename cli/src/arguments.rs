//! The command line. What is typed here is checked against the settings in [`crate::config`].

mod alerts;
mod history;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use alerts::{AlertChange, AlertFilter, AlertsCommand, DestinationsCommand};
pub(crate) use history::{HistoryCommand, ImportArguments, PreviewArguments, TimeUnit};

/// Alert rules on live event streams: post a rule, and it takes effect within moments.
#[derive(Debug, Parser)]
#[command(name = "tocsin", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The settings file; `tocsin.toml` in the working directory if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "TOCSIN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process: log, worker and API. The log is embedded unless --kafka names a broker.
    Run {
        #[command(flatten)]
        settings: SettingFlags,
        /// Post example rules, send a small stream of events and print the alerts.
        #[arg(long)]
        demo: bool,
    },
    /// Only the worker. Needs Kafka: the embedded log belongs to one process.
    Worker {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Only the API. Needs Kafka.
    Api {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Route records of any topic to the event topic: each wrapped as an event, in its customer's partition, exactly
    /// once. Needs Kafka.
    Router {
        #[command(flatten)]
        settings: SettingFlags,
        #[command(flatten)]
        router: RouterFlags,
    },
    /// Only the archiver, which copies all events into files for good. Needs Kafka.
    Archiver {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// The archive of all events.
    History {
        #[command(subcommand)]
        command: HistoryCommand,
    },
    /// Evaluate rules over a file of events, without any server: alerts on standard output, one a line.
    Eval(EvalArguments),
    /// Rules: those of a running system, and files of them.
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Events for a running system.
    Events {
        #[command(subcommand)]
        command: EventsCommand,
    },
    /// Alerts of a running system.
    Alerts {
        #[command(subcommand)]
        command: AlertsCommand,
    },
    /// Savepoints: states of a whole deployment that can be gone back to.
    Savepoint {
        #[command(subcommand)]
        command: SavepointCommand,
    },
    /// Checkpoints: what is kept of each partition so that a lost disk loses nothing.
    Checkpoints {
        #[command(subcommand)]
        command: CheckpointsCommand,
    },
    /// Say what is wrong with a deployment, and the ways out.
    Doctor {
        #[command(flatten)]
        settings: SettingFlags,
        /// Set something right: `offsets` takes those that the group has lost from the changelog.
        #[arg(long, value_name = "WHAT")]
        fix: Option<Fix>,
        /// Do not ask before.
        #[arg(long)]
        yes: bool,
    },
    /// Webhooks that alerts are sent to.
    Destinations {
        #[command(subcommand)]
        command: DestinationsCommand,
    },
    /// Tokens of a running system.
    Tokens {
        #[command(subcommand)]
        command: TokensCommand,
    },
    /// Who did what in a running system.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Print what makes a shell complete this command, for instance into a file that it reads.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write man pages, one a command, into a folder.
    Man {
        /// The folder; it is made if it is not there.
        folder: PathBuf,
    },
    /// Keep a server and a token under a name, for --profile.
    Login(LoginArguments),
    /// The topics of a deployment.
    Topics {
        #[command(subcommand)]
        command: TopicsCommand,
    },
    /// The settings in force.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// What `tocsin eval` is told.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// The file of rules, or a folder of them.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) rules: PathBuf,
    /// The file of events, one JSON object a line: `{"customerId", "payload", "timestamp"}`. `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: PathBuf,
    /// Lines are bare payloads of this customer.
    #[arg(long, value_name = "UUID")]
    pub(crate) customer: Option<uuid::Uuid>,
    /// Print which conditions hold of which lines, instead of alerts.
    #[arg(long)]
    pub(crate) matches: bool,
    /// Let timers fire up to this time at the end [default: the greatest event time].
    #[arg(long, value_name = "TIME")]
    pub(crate) advance_to: Option<String>,
    /// How it is printed; lines of JSON in any case.
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) output: Output,
}

/// Settings on the command line; they win over environment, file and defaults.
#[derive(Debug, Default, Args)]
pub(crate) struct SettingFlags {
    /// The deployment's name: consumer group, and prefix of its topics [default: tocsin].
    #[arg(long, value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// The data folder [default: ./data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Where the API listens; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Kafka's bootstrap servers; without them the log is embedded.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Partitions of the event topic, when it is created [default: 4].
    #[arg(long, value_name = "N")]
    pub(crate) partitions: Option<String>,
    /// Where a process that is only a worker answers /healthz, /readyz and /metrics [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) worker_listen: Option<String>,
    /// How many groups a customer has room for over all its rules [default: 1000000].
    #[arg(long, value_name = "N")]
    pub(crate) customer_groups_max: Option<String>,
    /// A proxy in front ends TLS, so that the API may listen on an address other machines reach [default: false].
    #[arg(long, value_name = "true|false")]
    pub(crate) tls_proxy: Option<String>,
    /// Where tokens and other records are: postgres://USER@HOST/DATABASE, or `file:` and a file that holds that
    /// [default: records.db in the data folder].
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// This worker's lasting name within the deployment [default: kept in the data folder].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where checkpoints are kept: a folder, s3://BUCKET/PREFIX, or `off` [default: checkpoints in the data folder].
    #[arg(long, value_name = "PLACE")]
    pub(crate) checkpoints: Option<String>,
    /// What is logged, for instance `info` or `warn,worker=debug` [default: info].
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How logs are written: `text` or `json` [default: text].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// The folder of the archive of all events, or `off` [default: archive in the data folder].
    #[arg(long, value_name = "DIR|off")]
    pub(crate) archive: Option<String>,
    /// After how many seconds at the latest an event is in the archive [default: 60].
    #[arg(long, value_name = "N")]
    pub(crate) archive_flush_seconds: Option<String>,
    /// Days after which archived events are removed; 0 keeps them [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) archive_keep_days: Option<String>,
    /// Those of the router, where it is meant.
    #[arg(skip)]
    pub(crate) router: RouterFlags,
}

/// Settings of the router on the command line.
#[derive(Debug, Default, Args)]
pub(crate) struct RouterFlags {
    /// The topic that it reads.
    #[arg(long, value_name = "TOPIC")]
    pub(crate) input: Option<String>,
    /// Where a record's customer is told: a path of names in its value, or `key` [default: $.customerId].
    #[arg(long, value_name = "PATH|key")]
    pub(crate) customer: Option<String>,
    /// Where in its value the payload stands; `$` is the whole value [default: $.payload].
    #[arg(long, value_name = "PATH")]
    pub(crate) payload: Option<String>,
    /// Where the first start begins. Leave it out afterwards.
    #[arg(long, value_name = "beginning|end")]
    pub(crate) from: Option<String>,
}

/// How to reach a running system.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Where its API listens [default: that of the profile, or http://127.0.0.1:8080].
    #[arg(long, value_name = "URL", env = "TOCSIN_SERVER")]
    pub(crate) server: Option<String>,
    /// The file that holds the token; TOCSIN_TOKEN wins over it [default: the profile's token, or data/root.token].
    #[arg(long, value_name = "FILE", env = "TOCSIN_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A server and token that `tocsin login` has kept [default: `default`, if there is one].
    #[arg(long, value_name = "NAME", env = "TOCSIN_PROFILE")]
    pub(crate) profile: Option<String>,
    /// What is printed: tables for people, or the API's JSON.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// What `tocsin doctor` can set right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fix {
    Offsets,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Put rules in force from JSON files: an object, an array, or one object a line. `-` reads standard input.
    Apply {
        #[command(flatten)]
        remote: Remote,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Show one rule.
    Get {
        #[command(flatten)]
        remote: Remote,
        /// Which rule: `customerId/alertId`.
        rule: String,
    },
    /// Show what a rule has come to, group by group: value, whether it fires, and what it lacks.
    State {
        #[command(flatten)]
        remote: Remote,
        /// Which rule: `customerId/alertId`.
        rule: String,
        /// Of a global rule: whose groups.
        #[arg(long, value_name = "UUID")]
        customer: Option<String>,
        /// How many groups, those with the greatest values first.
        #[arg(long, value_name = "N", default_value = "20")]
        limit: usize,
    },
    /// List rules.
    List {
        #[command(flatten)]
        remote: Remote,
        /// Only those of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<String>,
    },
    /// Take a rule out of force and erase what it has counted.
    Delete {
        #[command(flatten)]
        remote: Remote,
        /// Which rule: `customerId/alertId`.
        rule: String,
    },
    /// Check rules in files, without any server: every problem with its place.
    Validate {
        /// Files of rules, folders of them (*.json, *.ndjson, *.jsonl), or `-` for standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Run the tests that rules in files carry, and scenarios, without any server.
    Test {
        /// Files of rules, files of scenarios (*.scenario), folders of both, or `-` for rules from standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Say why rules match an event or do not, without any server.
    Explain {
        /// The file of rules, a folder of them, or `-`.
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        /// Only this one: `customerId/alertId`, or its `alertId` alone.
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        /// The file with one event `{"customerId", "payload"}`, or `-`.
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// The event is a bare payload of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Tell how a rule is being filled from the past.
    Bootstrap {
        #[command(flatten)]
        remote: Remote,
        /// Which rule: `customerId/alertId`.
        rule: String,
        /// Wait until it is live, with a progress bar on a terminal.
        #[arg(long, conflicts_with = "stop")]
        wait: bool,
        /// Stop it: the rule is saved without `bootstrap`, and counts from here on.
        #[arg(long)]
        stop: bool,
    },
    /// Tell what a rule would have done to the events of the archive.
    Preview(PreviewArguments),
    /// Put many rules in force, one JSON object a line. A bad line is told and stops no other.
    Import {
        #[command(flatten)]
        remote: Remote,
        /// The file, or `-` for standard input.
        file: PathBuf,
        /// Only say what would become of each line.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print all rules, one JSON object a line, as `import` takes them.
    Export {
        #[command(flatten)]
        remote: Remote,
        /// Only those of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Send events, one JSON object a line. `-` reads standard input.
    Send {
        #[command(flatten)]
        remote: Remote,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Lines are bare payloads of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SavepointCommand {
    /// Take one of a running system, and wait until it is complete.
    Create {
        #[command(flatten)]
        remote: Remote,
        /// How many seconds to wait.
        #[arg(long, value_name = "SECONDS", default_value = "300")]
        timeout: u64,
    },
    /// List them, the newest first. Needs no server.
    List {
        #[command(flatten)]
        settings: SettingFlags,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Show where each partition stood. Needs no server.
    Show {
        #[command(flatten)]
        settings: SettingFlags,
        /// Its id, or `latest`.
        id: String,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Remove one.
    Delete {
        #[command(flatten)]
        settings: SettingFlags,
        /// Its id.
        id: String,
    },
    /// Set a stopped deployment back to one; events after it are evaluated again, and their alerts written again.
    Restore {
        #[command(flatten)]
        settings: SettingFlags,
        /// Its id, or `latest`.
        id: String,
    },
    /// Begin a new deployment, which --app names, with the state of another one's savepoint.
    Fork {
        #[command(flatten)]
        settings: SettingFlags,
        /// The deployment that took the savepoint.
        #[arg(long, value_name = "NAME")]
        from: String,
        /// Its id, or `latest`.
        id: String,
    },
    /// Rewrite one for another number of partitions, as a new savepoint.
    Rescale {
        #[command(flatten)]
        settings: SettingFlags,
        /// How many partitions.
        #[arg(long, value_name = "N")]
        to: u32,
        /// The events will be read from the start of this topic, instead of the one that the savepoint stopped in.
        #[arg(long, value_name = "TOPIC")]
        events: Option<String>,
        /// Its id, or `latest`.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token and print it; it cannot be shown again.
    Create {
        #[command(flatten)]
        remote: Remote,
        /// viewer, rule-author, responder or tenant-admin of a customer; operator, global-author, auditor or root.
        #[arg(long)]
        role: String,
        /// What people call it.
        #[arg(long)]
        name: String,
        /// Of which customer; roles of the system have none.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
        /// When it ends (RFC 3339) [default: after 90 days].
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List tokens, without their secrets.
    List {
        #[command(flatten)]
        remote: Remote,
        /// Only those of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
    /// Revoke a token.
    Revoke {
        #[command(flatten)]
        remote: Remote,
        /// Its id.
        id: uuid::Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointsCommand {
    /// List them, the newest of each partition first.
    List {
        #[command(flatten)]
        settings: SettingFlags,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Read everything back and compare it with what was sent, savepoints too.
    Verify {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Remove files that nothing names any more. Workers do so by themselves now and then.
    Collect {
        #[command(flatten)]
        settings: SettingFlags,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the latest entries.
    List {
        #[command(flatten)]
        remote: Remote,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u16,
    },
    /// Check that no entry was changed, removed or put in between.
    Verify {
        #[command(flatten)]
        remote: Remote,
        /// An entry that an earlier verification has printed, which must still be there.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<String>,
    },
}

/// What `tocsin login` is told.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Where the API listens.
    #[arg(long, value_name = "URL")]
    pub(crate) server: String,
    /// The name to keep it under.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) profile: String,
    /// The file that holds the token; without it standard input is read.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    /// Create the topics that are missing, with the right settings.
    Create {
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Say what is wrong with the topics that are there.
    Verify {
        #[command(flatten)]
        settings: SettingFlags,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting, its value and where that comes from.
    Show {
        #[command(flatten)]
        settings: SettingFlags,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}
