//! Commands that talk to a running system, about its settings, or about files of rules.

mod alerts;
mod audit;
mod bar;
mod checkpoints;
mod command_line;
mod destinations;
mod doctor;
mod eval;
mod events;
mod explain;
mod export;
mod filling;
mod history;
mod import;
mod import_source;
mod inbox;
mod input;
mod preview;
mod rule_files;
mod rules;
mod savepoint;
mod settings;
mod state;
mod table;
mod test;
mod tokens;
mod topics;
mod validate;

pub(crate) use alerts::{alerts, summary as alert_summary};
pub(crate) use audit::audit;
pub(crate) use checkpoints::checkpoints;
pub(crate) use command_line::{completions, man};
pub(crate) use destinations::destinations;
pub(crate) use doctor::doctor;
pub(crate) use eval::eval;
pub(crate) use events::events;
pub(crate) use history::{
    accept_gap as history_accept_gap, compact as history_compact, erase as history_erase,
    import as history_import, status as history_status,
};
pub(crate) use rules::rules;
pub(crate) use savepoint::savepoint;
pub(crate) use settings::show_config;
pub(crate) use tokens::{login, tokens};
pub(crate) use topics::{create_topics, verify_topics};
