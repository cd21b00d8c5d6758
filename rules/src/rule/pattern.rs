//! Patterns: events that belong together, by order, by number or by not having come.

use super::span::Span;
use crate::condition::Stated;
use crate::path::Path;

/// Steps, and how they make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// How the steps make one.
    pub kind: PatternKind,
    /// Two to sixteen of them.
    pub steps: Vec<PatternStep>,
    /// All of it happens within this time. Always there for `sequence` and `absence`.
    pub within: Option<Span>,
    /// An event that voids everything before it.
    pub until: Option<Stated>,
}

/// How steps make a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// One after the other.
    Sequence,
    /// Every step, in any order.
    All,
    /// So many of the steps, in any order.
    AtLeast(u8),
    /// The first step without the second one after it.
    Absence,
}

impl PatternKind {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::All => "all",
            Self::AtLeast(_) => "atLeast",
            Self::Absence => "absence",
        }
    }
}

/// One of the events of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternStep {
    /// Its name within the pattern.
    pub id: String,
    /// Which events.
    pub condition: Stated,
    /// How many are needed; one by default, unless another step announces how many.
    pub min: Option<u32>,
    /// Different values at this path are counted instead of events.
    pub entity_path: Option<Path>,
    /// Announces how many the other steps need.
    pub expected_count_path: Option<Path>,
}
