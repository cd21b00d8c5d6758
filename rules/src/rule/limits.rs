//! Limits: one or two comparisons that a value must meet, all of them.

use crate::amount::Amount;

/// How a value is compared with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparator {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

impl Comparator {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Gt, Self::Gte, Self::Lt, Self::Lte, Self::Eq, Self::Ne];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Ne => "ne",
        }
    }

    /// Whether the value compares so with the bound.
    pub fn holds(self, value: Amount, bound: Amount) -> bool {
        match self {
            Self::Gt => value > bound,
            Self::Gte => value >= bound,
            Self::Lt => value < bound,
            Self::Lte => value <= bound,
            Self::Eq => value == bound,
            Self::Ne => value != bound,
        }
    }
}

/// One or two comparisons, by comparator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits(Vec<(Comparator, Amount)>);

impl Limits {
    /// The limits; nothing for none, for more than two, and for a comparator twice.
    pub fn new(mut limits: Vec<(Comparator, Amount)>) -> Option<Self> {
        limits.sort_unstable();
        let twice = limits.windows(2).any(|pair| pair[0].0 == pair[1].0);
        (matches!(limits.len(), 1 | 2) && !twice).then_some(Self(limits))
    }

    /// At least this.
    pub fn at_least(bound: Amount) -> Self {
        Self(vec![(Comparator::Gte, bound)])
    }

    /// The comparisons.
    pub fn iter(&self) -> impl Iterator<Item = (Comparator, Amount)> {
        self.0.iter().copied()
    }

    /// Whether a value meets all of them.
    pub fn hold(&self, value: Amount) -> bool {
        self.iter().all(|(comparator, bound)| comparator.holds(value, bound))
    }

    /// Whether some value meets all of both.
    pub fn overlap(&self, other: &Self) -> bool {
        // Between two neighbouring bounds nothing changes, so the bounds and their neighbours show every case.
        let bounds = self.iter().chain(other.iter()).map(|(_, bound)| bound.billionths());
        let mut tried = bounds.flat_map(|bound| (-4..=4).map(move |step| bound.saturating_add(step)));
        tried.any(|billionths| {
            let value = Amount::from_billionths(billionths);
            self.hold(value) && other.hold(value)
        })
    }

    /// Whether a growing value can only come to meet them: there are lower bounds alone.
    pub fn are_lower_bounds(&self) -> bool {
        self.iter().all(|(comparator, _)| matches!(comparator, Comparator::Gt | Comparator::Gte))
    }

    /// Whether a falling value can only come to meet them: there are upper bounds alone.
    pub fn are_upper_bounds(&self) -> bool {
        self.iter().all(|(comparator, _)| matches!(comparator, Comparator::Lt | Comparator::Lte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Comparator::{Eq, Gt, Gte, Lt, Lte, Ne};

    fn limits(limits: &[(Comparator, i64)]) -> Limits {
        Limits::new(limits.iter().map(|(comparator, bound)| (*comparator, Amount::from(*bound))).collect())
            .unwrap()
    }

    #[test]
    fn both_must_hold() {
        let between = limits(&[(Gte, 2), (Lt, 5)]);
        let held: Vec<_> = (0..7_i64).filter(|value| between.hold((*value).into())).collect();
        assert_eq!(held, [2, 3, 4]);
    }

    #[test]
    fn overlap_is_a_common_value() {
        assert!(!limits(&[(Gte, 2)]).overlap(&limits(&[(Lt, 2)])));
        assert!(limits(&[(Gte, 2)]).overlap(&limits(&[(Lte, 2)])));
        // Values have nine digits after the point: between 1 and 2 there are some, between neighbours there are none.
        assert!(limits(&[(Gt, 1), (Lt, 2)]).overlap(&limits(&[(Ne, 1)])));
        assert!(!limits(&[(Eq, 3)]).overlap(&limits(&[(Ne, 3)])));
        assert!(limits(&[(Ne, 3)]).overlap(&limits(&[(Ne, 4)])));
        assert!(!limits(&[(Gt, 5), (Lt, 3)]).overlap(&limits(&[(Ne, 0)])));
    }

    #[test]
    fn there_are_one_or_two_of_different_kinds() {
        assert_eq!(Limits::new(vec![]), None);
        assert_eq!(Limits::new(vec![(Gt, Amount::ZERO), (Gt, Amount::ONE)]), None);
        assert_eq!(Limits::new(vec![(Gt, Amount::ZERO), (Lt, Amount::ONE), (Ne, Amount::ONE)]), None);
    }
}
