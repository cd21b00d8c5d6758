//! Arguments of `tocsin alerts` and `tocsin destinations`.

use clap::{Args, Subcommand};

use super::Remote;

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Print alerts as they come, until interrupted.
    Tail {
        #[command(flatten)]
        remote: Remote,
        /// Begin with the oldest alert that is kept.
        #[arg(long)]
        from_start: bool,
        /// Only those of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<String>,
        /// Stop after that many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// List alerts, those that came last first.
    List {
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        filter: AlertFilter,
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Count the alerts that are not closed.
    Groups {
        #[command(flatten)]
        remote: Remote,
        /// By what: rule, severity or assignee.
        #[arg(long, default_value = "rule")]
        by: String,
        /// Only those of this customer.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
    /// Show an alert, with all that people did about it.
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Its id.
        id: uuid::Uuid,
    },
    /// Say that somebody looks at an alert.
    Ack(AlertChange),
    /// Say that nothing is left to do about an alert.
    Close(AlertChange),
    /// Say that an alert is to be looked at again.
    Reopen(AlertChange),
    /// Say who deals with an alert, or write something down.
    Note(AlertChange),
    /// Read the alert topic into the inbox again; what people did stays.
    Rebuild {
        #[command(flatten)]
        remote: Remote,
    },
    /// Silence alerts for a time.
    Silence {
        #[command(flatten)]
        remote: Remote,
        /// What must hold, as FIELD=VALUE or FIELD!=VALUE; fields are alertId, alertName, severity, labels.NAME, group.NAME.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        matchers: Vec<String>,
        /// How long, such as 30m, 8h or 7d.
        #[arg(long, value_name = "TIME")]
        lasts: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Whose alerts; that of the token if not given.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
    /// List silences.
    Silences {
        #[command(flatten)]
        remote: Remote,
        /// Also those that have ended.
        #[arg(long)]
        ended: bool,
    },
    /// End a silence.
    Unsilence {
        #[command(flatten)]
        remote: Remote,
        /// Its id.
        id: uuid::Uuid,
    },
}

/// Which alerts.
#[derive(Debug, Args)]
pub(crate) struct AlertFilter {
    /// firing, resolved or suppressed.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// open, acknowledged, closed, active (not closed) or all.
    #[arg(long, default_value = "active")]
    pub(crate) status: String,
    /// Only those that matter so much.
    #[arg(long)]
    pub(crate) severity: Option<String>,
    /// Only those of this rule.
    #[arg(long, value_name = "UUID")]
    pub(crate) rule: Option<uuid::Uuid>,
    /// Only those that somebody of this name deals with.
    #[arg(long, value_name = "NAME")]
    pub(crate) assignee: Option<String>,
    /// Only those of this customer.
    #[arg(long, value_name = "UUID")]
    pub(crate) customer: Option<uuid::Uuid>,
}

/// What is done about an alert.
#[derive(Debug, Args)]
pub(crate) struct AlertChange {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Its id.
    pub(crate) id: uuid::Uuid,
    /// Who deals with it; empty: nobody.
    #[arg(long, value_name = "NAME")]
    pub(crate) assignee: Option<String>,
    /// Something to remember.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DestinationsCommand {
    /// Add one and print the secret that signs what is sent; it cannot be shown again.
    Create {
        #[command(flatten)]
        remote: Remote,
        /// What people call it.
        #[arg(long)]
        name: String,
        /// Where it is.
        #[arg(long)]
        url: String,
        /// What it takes: tocsin (the alert record), alertmanager or slack.
        #[arg(long, default_value = "tocsin")]
        form: String,
        /// Only alerts for which this holds, as FIELD=VALUE or FIELD!=VALUE; may be given several times.
        #[arg(long = "only", value_name = "FIELD=VALUE")]
        matchers: Vec<String>,
        /// Whose alerts; that of the token if not given.
        #[arg(long, value_name = "UUID")]
        customer: Option<uuid::Uuid>,
    },
    /// List them, and how sending to them goes.
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Remove one; what waits for it is not sent.
    Delete {
        #[command(flatten)]
        remote: Remote,
        /// Its id.
        id: uuid::Uuid,
    },
}
