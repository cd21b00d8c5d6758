//! Commands that talk to a running system or about its settings.

mod alerts;
mod events;
mod input;
mod rules;
mod settings;
mod table;
mod topics;

pub(crate) use alerts::{alerts, summary as alert_summary};
pub(crate) use events::events;
pub(crate) use rules::rules;
pub(crate) use settings::show_config;
pub(crate) use topics::{create_topics, verify_topics};
