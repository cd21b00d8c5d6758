//! Faults on a real Kafka: workers under load are disturbed in every way at hand, and an auditor compares every alert and
//! every count with what must be. `scripts/faults` runs all of it and prints a table; `docs/reliability.md` has one.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

#[path = "faults/brokers.rs"]
mod brokers;
#[path = "faults/disks.rs"]
mod disks;
#[path = "faults/network.rs"]
mod network;
#[path = "faults/workers.rs"]
mod workers;
