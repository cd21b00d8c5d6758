//! Which contributions a value is made of.
//!
//! Reading: where there is no session at the moment, the empty one begins and ends now.

use rules::Window;

use crate::aggregate::Contribution;

/// A window with what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Pane<'c, 'a> {
    /// The first moment inside; none for all time.
    pub(crate) start: Option<i64>,
    /// The end: of a sliding window the last moment inside, of the others the first one after.
    pub(crate) end: i64,
    /// The contributions inside, in order of arrival.
    pub(crate) contents: Vec<&'c Contribution<'a>>,
}

/// Everything.
pub(crate) fn total<'c, 'a>(all: &'c [Contribution<'a>], at: i64) -> Pane<'c, 'a> {
    Pane { start: None, end: at, contents: all.iter().collect() }
}

/// `(end − size, end]`.
pub(crate) fn sliding<'c, 'a>(all: &'c [Contribution<'a>], size: i64, end: i64) -> Pane<'c, 'a> {
    let inside =
        |contribution: &&Contribution<'_>| end - size < contribution.time && contribution.time <= end;
    Pane { start: Some(end - size), end, contents: all.iter().filter(inside).collect() }
}

/// `[k·size, (k+1)·size)` around a moment.
pub(crate) fn tumbling<'c, 'a>(all: &'c [Contribution<'a>], size: i64, at: i64) -> Pane<'c, 'a> {
    let start = at.div_euclid(size) * size;
    let end = start + size;
    let inside = |contribution: &&Contribution<'_>| start <= contribution.time && contribution.time < end;
    Pane { start: Some(start), end, contents: all.iter().filter(inside).collect() }
}

/// `[first, last + gap)` of each run of contributions that are less than the gap apart.
pub(crate) fn sessions<'c, 'a>(all: &'c [Contribution<'a>], gap: i64) -> Vec<Pane<'c, 'a>> {
    let mut times: Vec<i64> = all.iter().map(|contribution| contribution.time).collect();
    times.sort_unstable();
    let mut bounds: Vec<(i64, i64)> = Vec::new();
    for time in times {
        match bounds.last_mut() {
            Some((_, last)) if time - *last < gap => *last = time,
            _ => bounds.push((time, time)),
        }
    }
    let pane = |(first, last): (i64, i64)| Pane {
        start: Some(first),
        end: last + gap,
        contents: all.iter().filter(|contribution| (first..=last).contains(&contribution.time)).collect(),
    };
    bounds.into_iter().map(pane).collect()
}

/// The window that contains a moment: for running values the present one, if the moment is the clock.
pub(crate) fn at<'c, 'a>(window: Window, all: &'c [Contribution<'a>], moment: i64) -> Pane<'c, 'a> {
    match window {
        Window::Total => total(all, moment),
        Window::Sliding(size) => sliding(all, size.as_i64(), moment),
        Window::Tumbling(size) => tumbling(all, size.as_i64(), moment),
        Window::Session(gap) => {
            let containing = |pane: &Pane<'_, '_>| pane.start <= Some(moment) && moment < pane.end;
            let empty = Pane { start: Some(moment), end: moment, contents: Vec::new() };
            sessions(all, gap.as_i64()).into_iter().find(containing).unwrap_or(empty)
        },
    }
}

/// The windows of the past that a late contribution at `time` judges, oldest first; `all` has it already.
pub(crate) fn past<'c, 'a>(
    window: Window,
    all: &'c [Contribution<'a>],
    time: i64,
    clock: i64,
    lateness: i64,
) -> Vec<Pane<'c, 'a>> {
    match window {
        Window::Total => Vec::new(),
        Window::Tumbling(_) | Window::Session(_) => {
            Some(at(window, all, time)).into_iter().filter(|pane| pane.end <= clock).collect()
        },
        Window::Sliding(size) => {
            let size = size.as_i64();
            let mut ends: Vec<i64> = all.iter().map(|contribution| contribution.time).collect();
            // One that ends at the clock is the present window.
            ends.retain(|end| (time..time + size).contains(end) && (clock - lateness..clock).contains(end));
            ends.sort_unstable();
            ends.dedup();
            ends.into_iter().map(|end| sliding(all, size, end)).collect()
        },
    }
}

/// The next moment after the clock at which contributions leave the present window, if it has any.
pub(crate) fn next_change(window: Window, all: &[Contribution<'_>], clock: i64) -> Option<i64> {
    let pane = at(window, all, clock);
    let oldest = pane.contents.iter().map(|contribution| contribution.time).min()?;
    match window {
        Window::Total => None,
        Window::Sliding(size) => Some(oldest + size.as_i64()),
        Window::Tumbling(_) | Window::Session(_) => Some(pane.end),
    }
}

/// When the window ends that a contribution at this time would be in; none for all time.
pub(crate) fn end_of(window: Window, all: &[Contribution<'_>], time: i64) -> Option<i64> {
    match window {
        Window::Total => None,
        Window::Sliding(size) => Some(time + size.as_i64()),
        Window::Tumbling(size) => Some(tumbling(&[], size.as_i64(), time).end),
        Window::Session(gap) => {
            let gap = gap.as_i64();
            let mut last = time;
            // Those after it that are less than the gap apart, from one to the next.
            let mut times: Vec<i64> = all.iter().map(|contribution| contribution.time).collect();
            times.sort_unstable();
            for later in times {
                if later > last && later - last < gap {
                    last = later;
                }
            }
            Some(last + gap)
        },
    }
}
