//! Steps: how many nodes an evaluation may look at. Counted and not timed, so that a limit is passed on every machine or
//! on none.

/// How many nodes of an event a path with filters, slices or a descendant segment may look at, and so many a condition
/// that is evaluated on its own: about a millisecond.
pub(crate) const STEPS_MAX: u64 = 100_000;

/// A path or a condition looks at more nodes of an event than it may, so nobody knows what it selects or whether it holds.
/// Whoever runs the rule should disable it and say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {STEPS_MAX} nodes to look at")]
pub struct TooManyNodes;

/// What is left of the steps of an evaluation.
#[derive(Debug)]
pub(crate) struct Steps {
    left: u64,
    passed: bool,
}

impl Steps {
    /// So many.
    pub(crate) fn new(most: u64) -> Self {
        Self { left: most, passed: false }
    }

    /// As many as a rule may take of an event, for one path or condition.
    pub(crate) fn of_rule() -> Self {
        Self::new(STEPS_MAX)
    }

    /// As many as it takes.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Takes one; false if there is none, and whatever is evaluated with these steps is worth nothing from then on.
    pub(crate) fn take(&mut self) -> bool {
        self.take_many(1)
    }

    /// Takes so many, or none.
    pub(crate) fn take_many(&mut self, count: u64) -> bool {
        match self.left.checked_sub(count) {
            Some(left) => self.left = left,
            None => self.passed = true,
        }
        !self.passed
    }

    /// Whether more were asked for than there were.
    pub(crate) fn are_passed(&self) -> bool {
        self.passed
    }

    /// What was evaluated with these steps, if they were enough.
    pub(crate) fn enough_for<T>(&self, evaluated: T) -> Result<T, TooManyNodes> {
        if self.passed { Err(TooManyNodes) } else { Ok(evaluated) }
    }
}
