//! Steps: how many nodes an evaluation may look at. Counted and not timed, so that a limit is passed on every machine or
//! on none.

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
}
