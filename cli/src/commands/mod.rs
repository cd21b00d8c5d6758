//! Commands that talk to a running system, about its settings, or about files of rules.

mod alerts;
mod events;
mod explain;
mod export;
mod import;
mod input;
mod rule_files;
mod rules;
mod settings;
mod table;
mod topics;
mod validate;

pub(crate) use alerts::{alerts, summary as alert_summary};
pub(crate) use events::events;
pub(crate) use rules::rules;
pub(crate) use settings::show_config;
pub(crate) use topics::{create_topics, verify_topics};
