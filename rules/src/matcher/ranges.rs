//! Intervals, searched by a value: which of them hold it. A balanced search tree laid out in a sorted list, each subtree
//! with its greatest upper bound, so a search costs its hits and a logarithm.

/// Intervals with both ends included; nothing as an end is no bound. Each has a mark.
#[derive(Debug)]
pub(super) struct Ranges<T> {
    /// By lower bound; the root of a span is its middle.
    all: Vec<Interval<T>>,
}

#[derive(Debug)]
struct Interval<T> {
    low: Option<T>,
    high: Option<T>,
    /// The greatest upper bound of the span whose middle this is.
    reach: Option<T>,
    mark: u32,
}

/// The ends of an interval and its mark.
pub(super) type Marked<T> = (Option<T>, Option<T>, u32);

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<T: Ord + Clone> Ranges<T> {
    pub(super) fn new(intervals: Vec<Marked<T>>) -> Self {
        let interval = |(low, high, mark): Marked<T>| {
            let reach = high.clone();
            Interval { low, high, reach, mark }
        };
        let mut all: Vec<_> = intervals.into_iter().map(interval).collect();
        all.sort_by(|left, right| left.low.cmp(&right.low));
        set_reach(&mut all);
        Self { all }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The marks of the intervals that hold the value.
    pub(super) fn find<Q: Ord + ?Sized>(&self, value: &Q, found: &mut Vec<u32>)
    where
        T: std::borrow::Borrow<Q>,
    {
        find(&self.all, value, found);
    }
}

/// Sets the reach of every middle and answers that of the whole span; nothing is no bound.
fn set_reach<T: Ord + Clone>(span: &mut [Interval<T>]) -> Option<T> {
    let middle = span.len() / 2;
    let (left, rest) = span.split_at_mut(middle);
    let (own, right) = rest.split_first_mut()?;
    let mut reach = own.high.clone();
    for side in [left, right] {
        if !side.is_empty() {
            let other = set_reach(side);
            reach = match (reach, other) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
        }
    }
    own.reach.clone_from(&reach);
    reach
}

fn find<T: std::borrow::Borrow<Q>, Q: Ord + ?Sized>(span: &[Interval<T>], value: &Q, found: &mut Vec<u32>) {
    let (left, rest) = span.split_at(span.len() / 2);
    let Some((own, right)) = rest.split_first() else { return };
    let ends_before = |end: &Option<T>| end.as_ref().is_some_and(|end| end.borrow() < value);
    if ends_before(&own.reach) {
        return;
    }
    find(left, value, found);
    if own.low.as_ref().is_none_or(|low| low.borrow() <= value) {
        if !ends_before(&own.high) {
            found.push(own.mark);
        }
        find(right, value, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_looking_at_each_one_finds() {
        let end = |n: usize| (!n.is_multiple_of(7)).then_some(n * 37 % 101);
        let intervals: Vec<_> =
            (0..200_usize).map(|n| (end(n), end(n + 3), u32::try_from(n).unwrap())).collect();
        let ranges = Ranges::new(intervals.clone());
        for value in 0..110 {
            let holds = |(low, high, _): &&Marked<usize>| {
                low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high)
            };
            let expected: Vec<_> = intervals.iter().filter(holds).map(|interval| interval.2).collect();
            let mut found = Vec::new();
            ranges.find(&value, &mut found);
            found.sort_unstable();
            assert_eq!(found, expected, "{value}");
        }
    }
}
