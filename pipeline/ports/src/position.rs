//! The position of a partition: how far its input, its changelog and its rules have come, in one line of text.
//!
//! The same line stands in the committed offset's metadata, in the header of changelog records and in the store's
//! `meta` table. Format, version 1: `key=value` pairs joined by `;`, in fixed order, beginning with `v=1`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use engine::{Offset, Timestamp};

/// How far a partition has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The deployment that the position belongs to.
    pub app: String,
    /// Counts restores and resets. Positions are comparable on the same timeline only.
    pub timeline: u32,
    /// Counts commits of the partition.
    pub epoch: u64,
    /// The next event to be read.
    pub next: Offset,
    /// The place after the partition's last changelog record.
    pub changelog: Offset,
    /// The control record that would be the next to come into force.
    pub control: Offset,
    /// The ingestion clock: the greatest min(record timestamp, processing time) seen.
    pub clock: Timestamp,
    /// The transactional id of the writer, so that a successor can end its open transaction.
    pub writer: String,
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a position of format 1: {0}")]
pub struct PositionError(String);

impl Position {
    /// Whether both are on the same timeline of the same deployment, so that their epochs can be compared.
    pub fn is_comparable_to(&self, other: &Self) -> bool {
        self.app == other.app && self.timeline == other.timeline
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "v=1;app={};timeline={};epoch={};next={};changelog={};control={};clock={};writer={}",
            self.app,
            self.timeline,
            self.epoch,
            self.next,
            self.changelog,
            self.control,
            self.clock.0,
            self.writer
        )
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let pairs: HashMap<&str, &str> = text.split(';').filter_map(|pair| pair.split_once('=')).collect();
        let text = |name: &str| {
            pairs.get(name).copied().ok_or_else(|| PositionError(format!("`{name}` is missing")))
        };
        let bad = |name: &str| PositionError(format!("`{name}` is not a number"));
        let number = |name: &str| text(name)?.parse::<u64>().map_err(|_| bad(name));
        if text("v")? != "1" {
            return Err(PositionError("it has another version".to_owned()));
        }
        Ok(Self {
            app: text("app")?.to_owned(),
            timeline: text("timeline")?.parse().map_err(|_| bad("timeline"))?,
            epoch: number("epoch")?,
            next: Offset(number("next")?),
            changelog: Offset(number("changelog")?),
            control: Offset(number("control")?),
            clock: Timestamp(text("clock")?.parse().map_err(|_| bad("clock"))?),
            writer: text("writer")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        Position {
            app: "tocsin".into(),
            timeline: 1,
            epoch: 7,
            next: Offset(100),
            changelog: Offset(20),
            control: Offset(3),
            clock: Timestamp(-5),
            writer: "tocsin.one".into(),
        }
    }

    #[test]
    fn the_text_is_fixed_and_reads_back() {
        let text =
            "v=1;app=tocsin;timeline=1;epoch=7;next=100;changelog=20;control=3;clock=-5;writer=tocsin.one";
        assert_eq!(position().to_string(), text);
        assert_eq!(text.parse::<Position>().unwrap(), position());
    }

    #[test]
    fn other_texts_are_refused() {
        let text = position().to_string();
        for (from, to) in
            [("v=1", "v=2"), ("epoch=7", "epoch=x"), (";writer=tocsin.one", ""), ("app=tocsin;", "")]
        {
            assert!(text.replace(from, to).parse::<Position>().is_err(), "{from} -> {to}");
        }
        assert!("".parse::<Position>().is_err());
    }
}
