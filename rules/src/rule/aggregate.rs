//! Aggregates: what is counted, over which window, and what the value must reach.

use super::limits::Limits;
use super::names::Function;
use super::span::Span;
use crate::amount::Amount;
use crate::condition::Stated;
use crate::path::Path;

/// A value that events change, and the threshold that it is judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// What is made of the contributions.
    pub function: Function,
    /// What is contributed. `count` without it counts events; the others, but for a live set, need it.
    pub path: Option<Path>,
    /// Which events add.
    pub increment: Change,
    /// Which events take away.
    pub decrement: Option<Change>,
    /// The value never falls below this.
    pub floor: Option<Amount>,
    /// Makes the value the size of a live set: events add and remove the entity at this path.
    pub entity_path: Option<Path>,
    /// Over which events.
    pub window: Window,
    /// When the rule fires.
    pub threshold: Limits,
}

/// Events that change the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which events.
    pub condition: Stated,
    /// By how much; by default one, or what stands at the aggregate's path.
    pub by: Option<By>,
}

/// By how much an event changes the value.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// By this much.
    Amount(Amount),
    /// By the one number at this path, which is not negative.
    Path(Path),
}

/// Which events a value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// All of them. The default.
    #[default]
    Total,
    /// Those of a stretch of this size; the stretches begin at 1970 and touch.
    Tumbling(Span),
    /// Those of the last stretch of this size.
    Sliding(Span),
    /// Those that follow each other within this gap.
    Session(Span),
}

impl Window {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Tumbling(_) => "tumbling",
            Self::Sliding(_) => "sliding",
            Self::Session(_) => "session",
        }
    }
}

impl Aggregate {
    /// Whether the value is judged whenever it changes, so that the rule fires on crossing; else once, when its window
    /// closes. `threshold` is the one in force for the customer.
    pub fn is_running(&self, threshold: &Limits) -> bool {
        match self.window {
            Window::Total | Window::Sliding(_) => true,
            Window::Tumbling(_) | Window::Session(_) => match self.function {
                Function::Count | Function::Sum | Function::Distinct | Function::Max => {
                    threshold.are_lower_bounds()
                },
                Function::Min => threshold.are_upper_bounds(),
                Function::Avg => false,
            },
        }
    }
}
