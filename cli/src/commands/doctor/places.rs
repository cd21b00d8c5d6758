//! The place of checkpoints.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use ports::ErrorKind;
use state::checkpoint::{Place, Settings};

use super::Finding;
use crate::config::Config;

/// A checkpoint is old when so many should have come since.
const INTERVALS_MAX: u32 = 10;

pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let Some(settings) = &config.checkpoints else {
        println!("note     checkpoints are off: a lost disk is rebuilt from the whole changelog");
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Err(error) = look(settings, &mut findings) {
        findings.push(Finding::new(
            error.message,
            "checkpoints cannot be taken or brought back before this is right",
        ));
    }
    findings
}

fn look(settings: &Settings, findings: &mut Vec<Finding>) -> ports::Result<()> {
    let place = Place::open(settings)?;
    let mut seen = BTreeSet::new();
    for name in place.checkpoints()? {
        match place.kept(&name) {
            // The newest of a partition comes first.
            Ok(kept) if !seen.insert(kept.partition) => {},
            Ok(kept) => {
                let age = (now() - kept.taken).max(0) / 1000;
                if age > i64::try_from((settings.interval * INTERVALS_MAX).as_secs()).unwrap_or(i64::MAX) {
                    println!(
                        "note     the newest checkpoint of partition {} is {age} s old; none is taken while nothing changes",
                        kept.partition
                    );
                }
            },
            Err(error) if error.kind == ErrorKind::Corrupt => findings.push(Finding::new(
                error.message,
                "an older one serves in its place; remove this one once there are newer ones",
            )),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
