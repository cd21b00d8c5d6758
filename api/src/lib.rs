//! The HTTP API over the ports: rules, events in, alerts out, health and the contract.
//!
//! Everything that HTTP is stays in here; nothing inward of this crate knows of it. The control topic is the source
//! of truth for rules: a write is a control record, and the answer is what the rule book made of that record.
//!
//! [`Api::new`] takes what the binary wires together, [`Api::serve`] answers requests until it is told to stop.

mod access;
mod alerts;
pub mod audit;
mod blocking;
mod body;
mod clock;
mod connections;
mod destinations;
mod error;
mod events;
mod extract;
mod health;
pub mod metrics;
mod observe;
mod readiness;
pub mod records;
mod router;
mod rules;
mod savepoints;
mod server;
mod settings;
mod state;
mod stop;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod token;
mod tokens;

pub use access::OidcSettings;
pub use destinations::Network;
pub use readiness::{NotReady, Probe};
pub use server::{Api, MetricsPage, Wiring};
pub use settings::Settings;
