//! Changelog records: a partition's state writes of one epoch, as bytes.
//!
//! A batch, version 1, is `1 | n | n writes`; a write is a tag (operation in the high four bits, table in the low
//! ones), a counted key, and a counted value or second key. The batch is compressed (lz4, size first) and cut into
//! chunks that fit a record. A chunk, version 1, is `1 | index | count | crc32c of the rest (big-endian) | bytes`.

use bytes::Bytes;
use engine::{Key, Reader, Table, Truncated, Write, put_varint};

use crate::error::{Error, ErrorKind, Result};

/// The header of a changelog record that holds its [`crate::Position`]; the `changelog` in it is the offset before
/// the epoch's first chunk.
pub const POSITION_HEADER: &str = "position";

/// The header of a changelog record that names the savepoint whose part is taken right after its epoch.
pub const SAVEPOINT_HEADER: &str = "savepoint";

/// The most bytes of a batch in one record; well below Kafka's default limit of 1 MB for a message.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;

/// The largest batch that is read back: a bound on what damaged bytes can make us allocate.
const BATCH_BYTES_MAX: usize = 1 << 30;

const VERSION: u8 = 1;
const PUT: u8 = 0;
const DELETE: u8 = 1;
const DELETE_RANGE: u8 = 2;

/// Encodes the writes of an epoch as the values of one or more records.
pub fn encode(writes: &[Write]) -> Vec<Bytes> {
    let compressed = lz4_flex::compress_prepend_size(&encode_batch(writes));
    let chunks = compressed.chunks(CHUNK_BYTES_MAX);
    let count = chunks.len() as u64;
    let frame = |(index, bytes): (usize, &[u8])| {
        let mut frame = vec![VERSION];
        put_varint(&mut frame, index as u64);
        put_varint(&mut frame, count);
        frame.extend_from_slice(&crc32c::crc32c(bytes).to_be_bytes());
        frame.extend_from_slice(bytes);
        Bytes::from(frame)
    };
    chunks.enumerate().map(frame).collect()
}

/// Puts the chunks of an epoch together again.
#[derive(Debug, Default)]
pub struct Assembler {
    compressed: Vec<u8>,
    taken: u64,
}

impl Assembler {
    /// Takes the next record's value; answers the writes once the epoch is complete.
    ///
    /// # Errors
    /// A damaged or misplaced chunk, or another format version.
    pub fn take(&mut self, value: &[u8]) -> Result<Option<Vec<Write>>> {
        let mut reader = Reader::new(value);
        let version = reader.byte().map_err(cut)?;
        if version != VERSION {
            return Err(corrupt(&format!("format {version}, this version reads format {VERSION}")));
        }
        let (index, count) = (reader.varint().map_err(cut)?, reader.varint().map_err(cut)?);
        let sum = reader.bytes(4).map_err(cut)?;
        let bytes = reader.rest();
        if crc32c::crc32c(bytes).to_be_bytes() != sum {
            return Err(corrupt("its checksum does not fit"));
        }
        if index != self.taken || index >= count {
            return Err(corrupt(&format!("chunk {index} of {count} came after {} chunks", self.taken)));
        }
        self.compressed.extend_from_slice(bytes);
        self.taken += 1;
        if self.taken < count {
            return Ok(None);
        }
        let compressed = std::mem::take(self).compressed;
        let (size, _) = lz4_flex::block::uncompressed_size(&compressed).map_err(|_| cut(Truncated))?;
        if size > BATCH_BYTES_MAX {
            return Err(corrupt("it claims an impossible size"));
        }
        let batch =
            lz4_flex::decompress_size_prepended(&compressed).map_err(|error| corrupt(&error.to_string()))?;
        decode_batch(&Bytes::from(batch)).map(Some).map_err(cut)
    }
}

fn corrupt(problem: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("changelog record cannot be read: {problem}"))
}

fn cut(_: Truncated) -> Error {
    corrupt("it ends too early")
}

fn encode_batch(writes: &[Write]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_varint(&mut out, writes.len() as u64);
    for write in writes {
        let (operation, table, first, second) = match write {
            Write::Put { table, key, value } => (PUT, *table, key, Some(value)),
            Write::Delete { table, key } => (DELETE, *table, key, None),
            Write::DeleteRange { table, from, to } => (DELETE_RANGE, *table, from, Some(to)),
        };
        out.push(operation << 4 | table_number(table));
        for bytes in [Some(first), second].into_iter().flatten() {
            put_varint(&mut out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
    out
}

fn decode_batch(batch: &Bytes) -> std::result::Result<Vec<Write>, Truncated> {
    let mut reader = Reader::new(batch);
    if reader.byte()? != VERSION {
        return Err(Truncated);
    }
    let count = reader.varint()?;
    let mut writes = Vec::new();
    for _ in 0..count {
        let tag = reader.byte()?;
        let table = *Table::ALL.get(usize::from(tag & 0x0f)).ok_or(Truncated)?;
        let mut bytes = || -> std::result::Result<Key, Truncated> { Ok(batch.slice_ref(reader.counted()?)) };
        let first = bytes()?;
        writes.push(match tag >> 4 {
            PUT => Write::Put { table, key: first, value: bytes()? },
            DELETE => Write::Delete { table, key: first },
            DELETE_RANGE => Write::DeleteRange { table, from: first, to: bytes()? },
            _ => return Err(Truncated),
        });
    }
    if reader.is_empty() { Ok(writes) } else { Err(Truncated) }
}

fn table_number(table: Table) -> u8 {
    match table {
        Table::Meta => 0,
        Table::Rules => 1,
        Table::State => 2,
        Table::Timers => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn write() -> impl Strategy<Value = Write> {
        let table = proptest::sample::select(&Table::ALL[..]);
        (table, 0..3, bytes(), bytes()).prop_map(|(table, operation, first, second)| match operation {
            0 => Write::Put { table, key: first, value: second },
            1 => Write::Delete { table, key: first },
            _ => Write::DeleteRange { table, from: first, to: second },
        })
    }

    fn decode(values: &[Bytes]) -> Result<Option<Vec<Write>>> {
        let mut assembler = Assembler::default();
        values.iter().try_fold(None, |_, value| assembler.take(value))
    }

    proptest! {
        #[test]
        fn batches_read_back(writes in proptest::collection::vec(write(), 0..50)) {
            prop_assert_eq!(decode(&encode(&writes)), Ok(Some(writes)));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            drop(Assembler::default().take(&bytes));
            drop(decode_batch(&bytes.into()));
        }
    }

    /// A change here is a change of the stored format and needs a new version byte.
    #[test]
    fn the_batch_format_is_fixed() {
        let key = Bytes::from_static(b"k");
        let writes = [
            Write::Put { table: Table::State, key: key.clone(), value: Bytes::from_static(b"vv") },
            Write::Delete { table: Table::Meta, key: key.clone() },
            Write::DeleteRange { table: Table::Timers, from: key, to: Bytes::from_static(b"l") },
        ];
        let expected = b"\x01\x03\x02\x01k\x02vv\x10\x01k\x23\x01k\x01l";
        assert_eq!(encode_batch(&writes), expected);
    }

    #[test]
    fn large_batches_are_cut_into_chunks_that_must_come_in_order() {
        // Bytes that lz4 cannot shorten.
        let noise = (0..250_000u64).flat_map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let noise: Vec<u8> = noise.collect();
        let writes =
            vec![Write::Put { table: Table::Rules, key: Bytes::from_static(b"k"), value: noise.into() }];
        let values = encode(&writes);
        assert!(values.len() > 2 && values.iter().all(|value| value.len() <= CHUNK_BYTES_MAX + 16));
        assert_eq!(decode(&values), Ok(Some(writes)));
        assert!(decode(&values[1..]).is_err());
        assert_eq!(decode(&values[..1]), Ok(None));
    }

    #[test]
    fn damage_is_noticed() {
        let value =
            encode(&[Write::Delete { table: Table::Meta, key: Bytes::from_static(b"key") }]).remove(0);
        for place in 0..value.len() {
            let mut damaged = value.to_vec();
            damaged[place] ^= 1;
            assert!(decode(&[damaged.into()]).is_err(), "byte {place}");
        }
    }
}
