//! How rules get on that are being filled from the past, as those see them who ask.

use std::time::Duration;

use engine::Partition;
use rules::{Generation, RuleKey};

/// How far a rule has come on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootstrapPhase {
    /// It waits for its turn, or for the past to be readable.
    Waiting,
    /// Its past is being folded.
    Folding,
    /// What its past came to is being copied.
    Copying,
    /// It follows the live stream, a little behind.
    Chasing,
}

impl BootstrapPhase {
    /// The name that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Folding => "folding",
            Self::Copying => "copying",
            Self::Chasing => "chasing",
        }
    }
}

/// How one rule is being filled on one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapStatus {
    /// The rule.
    pub rule: RuleKey,
    /// Which meaning of it.
    pub generation: Generation,
    /// How far it has come.
    pub phase: BootstrapPhase,
    /// How many records of the past are folded.
    pub done: u64,
    /// How many there are at most; 0 as long as that is not known.
    pub total: u64,
    /// How long the rest of the fold takes, at the pace so far.
    pub left: Option<Duration>,
    /// Why it does not get on, if it does not.
    pub problem: Option<String>,
}

impl BootstrapStatus {
    /// How much of the past is folded, from 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "a share is told with a few digits")]
    pub fn share(&self) -> f64 {
        match self.phase {
            BootstrapPhase::Waiting => 0.0,
            BootstrapPhase::Folding if self.total == 0 => 0.0,
            BootstrapPhase::Folding => self.done.min(self.total) as f64 / self.total as f64,
            BootstrapPhase::Copying | BootstrapPhase::Chasing => 1.0,
        }
    }
}

/// What one process knows of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenBootstraps {
    /// The partitions that it has at work: of others it knows nothing.
    pub partitions: Vec<Partition>,
    /// Those of them on which the rule is still being filled.
    pub filling: Vec<(Partition, BootstrapStatus)>,
}

/// Knows how rules get on that are being filled. Must not block.
pub trait Bootstraps: Send + Sync {
    /// How a rule gets on.
    fn of(&self, rule: &RuleKey) -> SeenBootstraps;
}
