//! Tests of the whole: contracts that every log keeps, the product as a user meets it, and faults on real systems.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it means by its name, panics when something is wrong, and prints what it saw"
)]

pub mod contract;
pub mod harness;
pub mod reference;
pub mod suspension;
pub mod workload;
