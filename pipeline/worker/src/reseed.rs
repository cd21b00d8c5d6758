//! Finds the position that a group had committed before its offsets went, in the changelog.

use std::time::Duration;

use engine::{Offset, Partition};
use ports::changelog::POSITION_HEADER;
use ports::{Error, ErrorKind, Log, Position, Result, header};

/// How far before the end is looked: an epoch has few records, and a log may have holes between them.
const REACH: u64 = 1000;

/// How long is waited for a record that should be there.
const WAIT: Duration = Duration::from_secs(2);

/// The position after the last epoch in a partition's changelog, which is what was committed with it; nothing if the
/// changelog holds no record of the deployment.
///
/// # Errors
/// A header that cannot be read; a log that cannot be reached.
pub fn last_position(
    log: &dyn Log,
    app: &str,
    changelog: &str,
    partition: Partition,
) -> Result<Option<Position>> {
    let bounds = log.bounds(changelog, partition)?;
    let from = Offset(bounds.end.0.saturating_sub(REACH)).max(bounds.start);
    let mut reader = log.reader(changelog, &[(partition, from)])?;
    let mut last = None;
    loop {
        let polled = reader.poll(100, WAIT)?;
        for record in polled.records.iter().filter(|record| record.offset < bounds.end) {
            let Some(text) = header(&record.headers, POSITION_HEADER) else { continue };
            let text = String::from_utf8_lossy(text);
            let position: Position = text.parse().map_err(|error| {
                let place = format!("record {} of `{changelog}` partition {partition}", record.offset);
                Error::new(ErrorKind::Corrupt, format!("the header of {place} is `{text}`, {error}"))
            })?;
            if position.app == app {
                last = Some(Position { changelog: record.offset.next(), ..position });
            }
        }
        if polled.at_end || polled.records.is_empty() {
            return Ok(last);
        }
    }
}
