//! What people may know of rules that are being filled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rules::{Generation, RuleKey};

/// How far a newcomer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone)]
pub struct BootstrapStatus {
    /// The rule.
    pub rule: RuleKey,
    /// Which meaning of it.
    pub generation: Generation,
    /// How far it has come.
    pub phase: BootstrapPhase,
    /// How much of its past is folded, while that is going on.
    pub progress: Option<Arc<Progress>>,
    /// Why it does not get on, if it does not.
    pub problem: Option<String>,
}

/// How much of the past is folded.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// How many offsets are behind, and how many there are in all.
    pub fn read(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    pub(super) fn report(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
