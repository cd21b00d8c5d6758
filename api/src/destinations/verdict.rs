//! What an attempt to deliver means, and when the next one is. Pure.

use std::time::Duration;

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The receiver has it.
    Delivered,
    /// It does not want it, and would not the next time either.
    Refused(String),
    /// It may take it later.
    Again(String),
}

/// What a status means.
pub(super) fn of_status(status: u16) -> Verdict {
    let told = || format!("the receiver answered {status}");
    match status {
        200..300 => Verdict::Delivered,
        // Too early, too much, too slow: that may pass. A redirect is not followed, and may be set right.
        300..400 | 408 | 425 | 429 | 500.. => Verdict::Again(told()),
        _ => Verdict::Refused(told()),
    }
}

/// How long to wait after so many failures in a row: a second, then twice as long each time, up to five minutes. `spread`
/// is a number of the destination's own, so that not all come back at once.
pub(super) fn pause(failures: u64, spread: u64) -> Duration {
    let doubled = 1_u64 << failures.saturating_sub(1).min(20);
    let pause = Duration::from_secs(doubled).min(PAUSE_MAX);
    let percent = u32::try_from(spread % 25).unwrap_or_default();
    pause + pause * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_does_not_is_not() {
        assert_eq!(of_status(204), Verdict::Delivered);
        for status in [302, 408, 429, 500, 503] {
            assert!(matches!(of_status(status), Verdict::Again(_)), "{status}");
        }
        for status in [100, 400, 401, 404, 410] {
            assert!(matches!(of_status(status), Verdict::Refused(_)), "{status}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let seconds = |failures| pause(failures, 0).as_secs();
        assert_eq!([1, 2, 3, 9, 10, 1_000].map(seconds), [1, 2, 4, 256, 300, 300]);
        assert_eq!(pause(10, 24).as_secs(), 372);
    }
}
