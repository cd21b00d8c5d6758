//! Settings of checkpoints.

use std::time::Duration;

use rules::Span;
use state::checkpoint::Settings;

use super::Check;

const MIB: u64 = 1024 * 1024;

/// What switches checkpoints off.
const OFF: &str = "off";

/// Reads what the layers say of checkpoints; nothing if they are off, or if a setting is wrong.
pub(super) fn read(check: &mut Check<'_>) -> Option<Settings> {
    let interval = check.setting("checkpoint-interval", interval, "a time like `30s` or `5m`, at least 1s");
    let mib = check.setting("checkpoint-mib", at_least(1), "a number of MiB, 1 or more");
    let rate = check.setting("checkpoint-mib-per-second", at_least(0), "a number of MiB, 0 for no bound");
    let kept =
        check.setting("checkpoints-kept", |text| text.parse().ok().filter(|kept| *kept > 0), "1 or more");
    let (location, app) = (check.layers.get("checkpoints")?, check.layers.get("app")?);
    if location == OFF {
        return None;
    }
    Some(Settings {
        options: check.layers.checkpoint_store().clone(),
        topics: super::topics(check.layers),
        interval: interval?,
        bytes: mib?.saturating_mul(MIB),
        kept: kept?,
        bytes_per_second: Some(rate?.saturating_mul(MIB)).filter(|rate| *rate > 0),
        ..Settings::new(location, app)
    })
}

fn interval(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    Some(Duration::from_millis(span.as_millis())).filter(|interval| *interval >= Duration::from_secs(1))
}

fn at_least(least: u64) -> impl Fn(&str) -> Option<u64> {
    move |text| text.parse().ok().filter(|number| *number >= least)
}
