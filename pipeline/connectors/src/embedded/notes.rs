//! Notes: what the log remembers besides records, in RocksDB's column family `default`.
//!
//! A key is a kind byte and the note's names, counted; a value is numbers and text. Kinds, format 1: `f` the format
//! itself, `t` a topic, `s` where a partition starts, `c` a group's position, `g` a group's generation.

use engine::{Offset, Partition, Reader, Truncated, put_varint};
use ports::{Committed, Retention};

use super::codec::put_counted;

/// The layout that this version reads and writes.
const FORMAT: u64 = 1;

/// Something to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// How everything is laid out.
    Format(u64),
    /// A topic exists.
    Topic {
        /// Its name.
        name: String,
        /// Its number of partitions.
        partitions: u32,
        /// Whether its records may ever be removed.
        retention: Retention,
    },
    /// All records of a partition before this one are removed.
    Start {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: Partition,
        /// The first record that is still there.
        start: Start,
    },
    /// How far a group has come in a partition.
    Committed {
        /// The group.
        group: String,
        /// The topic it reads.
        topic: String,
        /// Its partition.
        partition: Partition,
        /// How far.
        committed: Committed,
    },
    /// How often a group was joined.
    Generation {
        /// The group.
        group: String,
        /// How often.
        generation: u64,
    },
}

/// Where a partition starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// The first offset that is still there.
    pub(super) offset: Offset,
    /// How many bytes were written before it.
    pub(super) position: u64,
}

impl Note {
    /// The note that says how all others are laid out.
    pub(super) const fn format() -> Self {
        Self::Format(FORMAT)
    }

    /// The note as key and value.
    pub(super) fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        match self {
            Self::Format(format) => {
                key.push(b'f');
                put_varint(&mut value, *format);
            },
            Self::Topic { name, partitions, retention } => {
                key.push(b't');
                put_counted(&mut key, name.as_bytes());
                put_varint(&mut value, u64::from(*partitions));
                put_varint(&mut value, u64::from(*retention == Retention::Forever));
            },
            Self::Start { topic, partition, start } => {
                key.push(b's');
                put_counted(&mut key, topic.as_bytes());
                key.extend_from_slice(&partition.0.to_be_bytes());
                put_varint(&mut value, start.offset.0);
                put_varint(&mut value, start.position);
            },
            Self::Committed { group, topic, partition, committed } => {
                key.push(b'c');
                put_counted(&mut key, group.as_bytes());
                put_counted(&mut key, topic.as_bytes());
                key.extend_from_slice(&partition.0.to_be_bytes());
                put_varint(&mut value, committed.next.0);
                value.extend_from_slice(committed.metadata.as_bytes());
            },
            Self::Generation { group, generation } => {
                key.push(b'g');
                put_counted(&mut key, group.as_bytes());
                put_varint(&mut value, *generation);
            },
        }
        (key, value)
    }

    /// Reads a note. A kind that this version does not know is damage: the format would be another.
    pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Self, Truncated> {
        let (mut key, mut value) = (Reader::new(key), Reader::new(value));
        let note = match key.byte()? {
            b'f' => Self::Format(value.varint()?),
            b't' => Self::Topic {
                name: text(key.counted()?)?,
                partitions: u32::try_from(value.varint()?).map_err(|_| Truncated)?,
                retention: match value.varint()? {
                    0 => Retention::Any,
                    1 => Retention::Forever,
                    _ => return Err(Truncated),
                },
            },
            b's' => Self::Start {
                topic: text(key.counted()?)?,
                partition: partition(&mut key)?,
                start: Start { offset: Offset(value.varint()?), position: value.varint()? },
            },
            b'c' => Self::Committed {
                group: text(key.counted()?)?,
                topic: text(key.counted()?)?,
                partition: partition(&mut key)?,
                committed: Committed { next: Offset(value.varint()?), metadata: text(value.rest())? },
            },
            b'g' => Self::Generation { group: text(key.counted()?)?, generation: value.varint()? },
            _ => return Err(Truncated),
        };
        if key.is_empty() && value.is_empty() { Ok(note) } else { Err(Truncated) }
    }
}

fn text(bytes: &[u8]) -> Result<String, Truncated> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Truncated)
}

fn partition(key: &mut Reader<'_>) -> Result<Partition, Truncated> {
    let bytes = key.bytes(4)?.try_into().map_err(|_| Truncated)?;
    Ok(Partition(u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_read_back_and_their_format_is_fixed() {
        let topic = || "t".to_owned();
        let partition = Partition(258);
        let cases: [(Note, &[u8], &[u8]); 5] = [
            (Note::format(), b"f", b"\x01"),
            (
                Note::Topic { name: topic(), partitions: 300, retention: Retention::Forever },
                b"t\x01t",
                b"\xac\x02\x01",
            ),
            (
                Note::Start { topic: topic(), partition, start: Start { offset: Offset(5), position: 6 } },
                b"s\x01t\0\0\x01\x02",
                b"\x05\x06",
            ),
            (
                Note::Committed {
                    group: "g".to_owned(),
                    topic: topic(),
                    partition,
                    committed: Committed { next: Offset(7), metadata: "m=1".to_owned() },
                },
                b"c\x01g\x01t\0\0\x01\x02",
                b"\x07m=1",
            ),
            (Note::Generation { group: "g".to_owned(), generation: 8 }, b"g\x01g", b"\x08"),
        ];
        for (note, key, value) in cases {
            assert_eq!(note.encode(), (key.to_vec(), value.to_vec()));
            assert_eq!(Note::decode(key, value), Ok(note));
        }
        assert!(Note::decode(b"x", b"").is_err() && Note::decode(b"f", b"\x01\x01").is_err());
    }
}
