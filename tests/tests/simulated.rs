//! The log of the simulated world keeps the contract that every log keeps, so what is simulated is a log.

use engine::Timestamp;
use ports::Log;
use simulated::{Faults, SimulatedLog, World};

fn on_simulated(test: &str, run: impl FnOnce(&dyn Log, &str)) {
    let world = World::new(0, Timestamp(1_700_000_000_000), Faults::None, None);
    let process = world.start_process("one");
    run(&SimulatedLog::new(world, process), test);
}

tests::contract!(on_simulated);
