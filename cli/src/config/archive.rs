//! Where and how all events are archived.

use std::path::PathBuf;
use std::time::Duration;

use super::Check;

/// Where and how all events are archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) folder: PathBuf,
    pub(crate) flush_after: Duration,
    /// Days after which events go; none keeps them.
    pub(crate) keep_days: Option<u32>,
}

/// The archive that the settings describe; none if it is switched off, or they are wrong.
pub(super) fn read(check: &mut Check<'_>) -> Option<Archive> {
    let seconds = |text: &str| text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    let flush_seconds = check.setting("archive-flush-seconds", seconds, "a number from 1 to 3600");
    let keep_days = check.setting("archive-keep-days", |text| text.parse::<u32>().ok(), "a number of days");
    let folder = match check.layers.get("archive") {
        Some("off") => return None,
        None | Some("") => PathBuf::from(check.layers.get("data").unwrap_or("data")).join("archive"),
        Some(folder) => folder.into(),
    };
    let flush_after = Duration::from_secs(flush_seconds?);
    Some(Archive { folder, flush_after, keep_days: keep_days.filter(|days| *days > 0) })
}
