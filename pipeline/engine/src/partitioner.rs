//! Which partition a key belongs to: murmur2 as Kafka's Java clients compute it.
//!
//! Algorithm: MurmurHash2 by Austin Appleby with Kafka's seed; the sign bit is dropped before the remainder is taken.

use crate::stream::Partition;

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key among `partitions`, which is at least 1.
pub fn partition_of(key: &[u8], partitions: u32) -> Partition {
    Partition((murmur2(key) & 0x7fff_ffff) % partitions.max(1))
}

fn murmur2(key: &[u8]) -> u32 {
    // Kafka hashes with a length of 32 bits; longer keys do not occur.
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of `org.apache.kafka.common.utils.Utils.murmur2`, from its own unit test.
    #[test]
    fn hashes_are_those_of_the_java_client() {
        let cases: [(&str, i32); 7] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ];
        for (key, expected) in cases {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key}");
        }
    }

    #[test]
    fn one_partition_takes_every_key() {
        assert_eq!(partition_of(b"foobar", 1), Partition(0));
        assert_eq!(partition_of(b"foobar", 0), Partition(0));
    }
}
