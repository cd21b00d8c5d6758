//! Intervals, searched by a value: which of them hold it. A balanced search tree laid out in a sorted list, each subtree
//! with its greatest upper bound, so a search costs its hits and a logarithm.

use std::borrow::Borrow;

use super::target::Target;

/// Intervals with both ends included; nothing as an end is no bound. Each leads to a target.
#[derive(Debug)]
pub(super) struct Ranges<T> {
    /// By lower bound; the root of a span is its middle.
    all: Box<[Interval<T>]>,
}

#[derive(Debug)]
struct Interval<T> {
    low: Option<T>,
    high: Option<T>,
    target: Target,
    /// The interval of the span whose middle this is that has the greatest upper bound.
    reach: u32,
}

/// The ends of an interval and what it leads to.
pub(super) type Marked<T> = (Option<T>, Option<T>, Target);

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { all: Box::default() }
    }
}

impl<T: Ord> Ranges<T> {
    pub(super) fn new(intervals: Vec<Marked<T>>) -> Self {
        let interval = |(low, high, target): Marked<T>| Interval { low, high, target, reach: 0 };
        let mut all: Box<[_]> = intervals.into_iter().map(interval).collect();
        all.sort_by(|left, right| left.low.cmp(&right.low));
        let len = all_len(&all);
        set_reach(&mut all, 0, len);
        Self { all }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Calls for the intervals that hold the value.
    pub(super) fn find<Q: Ord + ?Sized>(&self, value: &Q, found: &mut impl FnMut(Target))
    where
        T: Borrow<Q>,
    {
        self.find_in(0, all_len(&self.all), value, found);
    }

    fn find_in<Q: Ord + ?Sized>(&self, from: u32, to: u32, value: &Q, found: &mut impl FnMut(Target))
    where
        T: Borrow<Q>,
    {
        if from == to {
            return;
        }
        let middle = from + (to - from) / 2;
        let own = &self.all[middle as usize];
        let ends_before = |end: &Option<T>| end.as_ref().is_some_and(|end| end.borrow() < value);
        if ends_before(&self.all[own.reach as usize].high) {
            return;
        }
        self.find_in(from, middle, value, found);
        if own.low.as_ref().is_none_or(|low| low.borrow() <= value) {
            if !ends_before(&own.high) {
                found(own.target);
            }
            self.find_in(middle + 1, to, value, found);
        }
    }
}

fn all_len<T>(all: &[Interval<T>]) -> u32 {
    u32::try_from(all.len()).expect("no machine holds 2^32 intervals")
}

/// Sets the reach of every middle and answers that of the whole span.
fn set_reach<T: Ord>(all: &mut [Interval<T>], from: u32, to: u32) -> Option<u32> {
    if from == to {
        return None;
    }
    let middle = from + (to - from) / 2;
    let sides = [set_reach(all, from, middle), set_reach(all, middle + 1, to)];
    // No upper bound is beyond all others.
    let further = |left: u32, right: u32| {
        let (one, other) = (&all[left as usize].high, &all[right as usize].high);
        if other.is_none() || (one.is_some() && other > one) { right } else { left }
    };
    let reach = sides.into_iter().flatten().fold(middle, further);
    all[middle as usize].reach = reach;
    Some(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_looking_at_each_one_finds() {
        let end = |n: usize| (!n.is_multiple_of(7)).then_some(n * 37 % 101);
        let intervals: Vec<_> =
            (0..200).map(|n| (end(n), end(n + 3), Target::Group(u32::try_from(n).unwrap()))).collect();
        let ranges = Ranges::new(intervals.clone());
        for value in 0..110 {
            let holds = |(low, high, _): &&Marked<usize>| {
                low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high)
            };
            let expected: Vec<_> = intervals.iter().filter(holds).map(|interval| interval.2).collect();
            let mut found = Vec::new();
            ranges.find(&value, &mut |target| found.push(target));
            found.sort_unstable();
            assert_eq!(found, expected, "{value}");
        }
    }
}
