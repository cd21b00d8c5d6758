//! The auditor: looks at what was seen at the ports and at what came out, and says what is wrong.
//!
//! It shares no code with the worker or the engine but the formats of positions, changelog and keys. Which rules met which
//! events, and when time went on, it takes from what it saw; what must come of that it asks the oracle.

mod expected;
mod outcome;
mod savepoints;
mod witness;

use crate::play::Played;
use crate::scenario::Scenario;

/// What is wrong with a run; nothing if all is well.
pub fn audit(scenario: &Scenario, played: &Played) -> Vec<String> {
    let mut wrong = played.wrong.clone();
    let seen = witness::witness(scenario, played);
    wrong.extend(seen.wrong);
    // What came out is of no interest if the way there was wrong already.
    if wrong.is_empty() {
        for (partition, deeds) in &seen.deeds {
            let expected = expected::expected(played, *partition, deeds);
            wrong.extend(outcome::check(played, *partition, &expected));
            if !seen.silent.contains(partition) {
                wrong.push(format!("partition {partition}: nobody noticed that nothing comes any more"));
            }
        }
        wrong.extend(outcome::check_controls(played));
        wrong.extend(savepoints::check(scenario, played, &seen.parts));
    }
    wrong
}
