//! Workers in the simulated world: random histories and rules, faults, and an auditor who knows what must come out.
//!
//! A [`Scenario`] is everything that a run depends on: what producers and people do, and what goes wrong. [`play()`] lets
//! unchanged workers live through it; [`audit()`] looks at what was seen, invariant by invariant, and at the end compares
//! alerts and state with the oracle. [`minimise()`] makes a failing scenario shorter.

mod audit;
mod minimise;
mod play;
mod scenario;

pub use audit::audit;
pub use minimise::minimise;
pub use play::{Played, play};
pub use scenario::{How, Item, Scenario, What, scenario};

/// The deployment of all runs.
pub(crate) const APP: &str = "app";

/// How long a customer sends nothing before it counts as silent, in milliseconds: longer than events are late, delayed and
/// clocks wrong together, so that an event never comes too late because time went on without it.
pub(crate) const IDLE: u64 = 120_000;

/// The time of day at the beginning: a little before the first events of generated histories.
pub(crate) const BASE: i64 = 1_700_002_800_000 - 45_000;

/// What becomes of a run: what was found to be wrong, nothing if all is well.
pub fn run(scenario: &Scenario) -> (Played, Vec<String>) {
    let played = play(scenario);
    let wrong = audit(scenario, &played);
    (played, wrong)
}
