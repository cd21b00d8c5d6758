//! Savepoints as those see them who ask for them.

use engine::Partition;
use rules::SavepointId;

use crate::error::Result;
use crate::position::Position;

/// What is kept of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The partition.
    pub partition: Partition,
    /// Where it stood.
    pub position: Position,
    /// How many bytes it consists of.
    pub bytes: u64,
    /// When it was taken, in milliseconds since 1970.
    pub taken: i64,
}

/// A savepoint, as far as it has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Savepoint {
    /// Its name.
    pub id: SavepointId,
    /// How many parts it needs.
    pub partitions: u32,
    /// The parts that are there, by partition.
    pub parts: Vec<Part>,
}

impl Savepoint {
    /// Why it cannot be restored yet, or at all; nothing if it can.
    pub fn problem(&self) -> Option<String> {
        let Some(first) = self.parts.first() else { return Some("no part of it is there yet".to_owned()) };
        let missing = (0..self.partitions)
            .map(Partition)
            .find(|partition| !self.parts.iter().any(|part| part.partition == *partition));
        if let Some(partition) = missing {
            return Some(format!(
                "{} of {} parts are there, that of partition {partition} is not",
                self.parts.len(),
                self.partitions
            ));
        }
        let fits = |part: &&Part| {
            part.position.is_comparable_to(&first.position) && part.position.control == first.position.control
        };
        let stray = self.parts.iter().find(|part| !fits(part))?;
        Some(format!("partition {} took part in it at another line of the rules", stray.partition))
    }

    /// How many bytes it consists of.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// When its last part was taken, in milliseconds since 1970.
    pub fn taken(&self) -> i64 {
        self.parts.iter().map(|part| part.taken).max().unwrap_or_default()
    }
}

/// The savepoints of a deployment. Calls block.
pub trait Savepoints: Send + Sync {
    /// All of them, the newest first.
    fn list(&self) -> Result<Vec<Savepoint>>;

    /// The one of this name, if a part of it is there.
    fn find(&self, id: SavepointId) -> Result<Option<Savepoint>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partition: u32, timeline: u32, control: u64) -> Part {
        let position = format!(
            "v=1;app=a;timeline={timeline};epoch=7;next=1;changelog=2;control={control};clock=0;writer=a.one"
        );
        Part { partition: Partition(partition), position: position.parse().unwrap(), bytes: 1, taken: 5 }
    }

    #[test]
    fn a_savepoint_is_whole_when_every_partition_took_part_at_one_line_of_the_rules() {
        let id = SavepointId::from_bytes([1; 16]);
        let problem = |parts: Vec<Part>| Savepoint { id, partitions: 2, parts }.problem();
        assert_eq!(problem(vec![part(0, 1, 3), part(1, 1, 3)]), None);
        assert!(problem(vec![]).unwrap().contains("no part"));
        assert!(
            problem(vec![part(1, 1, 3)]).unwrap().contains("1 of 2 parts are there, that of partition 0")
        );
        for stray in [part(1, 2, 3), part(1, 1, 4)] {
            assert!(problem(vec![part(0, 1, 3), stray]).unwrap().contains("partition 1 took part"));
        }
    }
}
