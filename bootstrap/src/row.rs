//! A row of the archive: one record of the event topic, or one event from before the log.

use std::fmt;

use bytes::Bytes;
use engine::{Partition, Timestamp};
use rules::CustomerId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Customers are spread over this many buckets; rows are sorted by them first, so that files can be split evenly.
pub const BUCKETS: i32 = 128;

/// The bucket of records whose customer cannot be read.
pub const NO_BUCKET: i32 = -1;

/// A record as it is archived.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose event; none where the record cannot be evaluated.
    pub customer: Option<CustomerId>,
    /// The partition.
    pub partition: Partition,
    /// The offset; negative for what happened before the log, see [`crate::import`].
    pub offset: i64,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// The record's key.
    pub key: Option<Bytes>,
    /// The record's value, byte for byte.
    pub value: Option<Bytes>,
    /// The record's headers, as [`encode_headers`] writes them; none if there are none.
    pub headers: Option<Bytes>,
}

/// Rows hold payloads, so the debug form shows the place alone.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}@{})", self.partition, self.offset)
    }
}

/// The order of rows in a file: bucket, customer, partition, offset.
pub type RowOrder = (i32, Option<CustomerId>, Partition, i64);

impl Row {
    /// Its bucket.
    pub fn bucket(&self) -> i32 {
        self.customer.map_or(NO_BUCKET, bucket)
    }

    /// Where it belongs among other rows.
    pub fn order(&self) -> RowOrder {
        (self.bucket(), self.customer, self.partition, self.offset)
    }

    /// About how many bytes it takes in memory.
    pub fn size(&self) -> usize {
        let parts = [&self.key, &self.value, &self.headers];
        parts.iter().map(|part| part.as_ref().map_or(0, Bytes::len)).sum::<usize>() + 64
    }

    /// A hash of all that it says. Those of many rows are added up, so that their order does not matter.
    pub fn hash(&self) -> u64 {
        let mut seed = 0;
        for number in [i64::from(self.partition.0), self.offset, self.timestamp.0] {
            seed = xxh3_64_with_seed(&number.to_be_bytes(), seed);
        }
        for part in [&self.key, &self.value, &self.headers] {
            // A missing part is not an empty one.
            seed = part.as_ref().map_or_else(|| seed.rotate_left(1), |part| xxh3_64_with_seed(part, seed));
        }
        seed
    }
}

/// How many rows there are and the sum of their hashes: equal for the same rows in any order and any files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many rows.
    pub rows: u64,
    /// The sum of their hashes.
    pub hash: u64,
}

impl Sum {
    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.hash = self.hash.wrapping_add(row.hash());
    }

    /// The sum over both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, hash: self.hash.wrapping_add(other.hash) }
    }
}

/// A customer's bucket: Murmur3 (32 bits, x86) of its 16 bytes, as Iceberg's bucket transform has it.
pub fn bucket(customer: CustomerId) -> i32 {
    let hash = murmur3(customer.as_bytes()) & 0x7fff_ffff;
    i32::try_from(hash).unwrap_or_default() % BUCKETS
}

fn murmur3(bytes: &[u8; 16]) -> u32 {
    let mut hash = 0u32;
    for word in bytes.chunks_exact(4) {
        let mut word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        hash = (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= 16;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Headers as JSON text: `[{"name", "text"}]`, with `"hex"` in the place of `"text"` where a value is not UTF-8.
pub fn encode_headers(headers: &[ports::Header]) -> Option<Bytes> {
    if headers.is_empty() {
        return None;
    }
    let header = |header: &ports::Header| match std::str::from_utf8(&header.value) {
        Ok(text) => serde_json::json!({"name": header.name, "text": text}),
        Err(_) => {
            let hex: String = header.value.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({"name": header.name, "hex": hex})
        },
    };
    let list: Vec<_> = headers.iter().map(header).collect();
    Some(Bytes::from(serde_json::Value::Array(list).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that Iceberg's specification gives for this UUID.
    #[test]
    fn a_bucket_is_what_other_readers_compute() {
        let customer: CustomerId = "f79c3e09-677c-4bbd-a479-3f349cb785e7".parse().unwrap();
        assert_eq!(murmur3(customer.as_bytes()), 1_488_055_340);
        assert_eq!(bucket(customer), 1_488_055_340 % BUCKETS);
    }

    #[test]
    fn a_sum_is_the_same_in_any_order_and_differs_where_anything_differs() {
        let row = |offset, value: Option<&'static str>| Row {
            customer: None,
            partition: Partition(1),
            offset,
            timestamp: Timestamp(5),
            key: None,
            value: value.map(Bytes::from),
            headers: None,
        };
        let sum = |rows: &[Row]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        let (one, two) = (row(1, Some("a")), row(2, Some("b")));
        assert_eq!(sum(&[one.clone(), two.clone()]), sum(&[two.clone(), one.clone()]));
        assert_ne!(sum(&[one.clone(), two]), sum(&[one, row(2, Some(""))]));
        assert_ne!(row(2, None).hash(), row(2, Some("")).hash());
    }

    #[test]
    fn headers_are_kept_byte_for_byte() {
        let headers = [ports::Header::new("a", "x\"y"), ports::Header::new("b", vec![0xff, 0])];
        let text = encode_headers(&headers).unwrap();
        assert_eq!(text, r#"[{"name":"a","text":"x\"y"},{"hex":"ff00","name":"b"}]"#);
        assert_eq!(encode_headers(&[]), None);
    }
}
