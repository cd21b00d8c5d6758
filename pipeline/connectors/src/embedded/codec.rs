//! Records as bytes: the key that orders them, and a value that tells when it is damaged.
//!
//! Key: `partition u32 | offset u64`, big-endian. Value, version 1:
//! `1 | flags | [timestamp] | [counted key] | [counted value] | n | n headers (counted name, counted value) | trailer`.
//! Trailer, numbers big-endian: `written i64 | position u64 | crc32c u32`. `written` is when the log wrote the record,
//! `position` counts the bytes of its partition before it; retention searches by both, since unlike timestamps they
//! only grow. The checksum covers all before it and the key, so a record at a wrong place is noticed too.

use bytes::Bytes;
use engine::{Offset, Partition, Reader, Timestamp, Truncated, put_varint};
use ports::{Header, Outgoing, Place, Record};

const VERSION: u8 = 1;
const HAS_TIMESTAMP: u8 = 1;
const HAS_KEY: u8 = 2;
const HAS_VALUE: u8 = 4;

/// The length of a record's key.
pub(super) const KEY_BYTES: usize = 12;
/// The length of the part that only the writer can fill in.
const TRAILER_BYTES: usize = 20;

/// The key of the record at this place.
pub(super) fn key(place: Place) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..4].copy_from_slice(&place.partition.0.to_be_bytes());
    key[4..].copy_from_slice(&place.offset.0.to_be_bytes());
    key
}

/// The place that a key means; none if it is no key of a record.
pub(super) fn place(key: &[u8]) -> Option<Place> {
    let (partition, offset) = key.split_first_chunk()?;
    Some(Place {
        partition: Partition(u32::from_be_bytes(*partition)),
        offset: Offset(u64::from_be_bytes(offset.try_into().ok()?)),
    })
}

/// Appends a record with an empty trailer, and answers the checksum of what stands before that.
pub(super) fn encode(outgoing: &Outgoing, out: &mut Vec<u8>) -> u32 {
    let from = out.len();
    out.push(VERSION);
    out.push(
        flag(HAS_TIMESTAMP, outgoing.timestamp.is_some())
            | flag(HAS_KEY, outgoing.key.is_some())
            | flag(HAS_VALUE, outgoing.value.is_some()),
    );
    if let Some(timestamp) = outgoing.timestamp {
        out.extend_from_slice(&timestamp.0.to_be_bytes());
    }
    for bytes in [&outgoing.key, &outgoing.value].into_iter().flatten() {
        put_counted(out, bytes);
    }
    put_varint(out, outgoing.headers.len() as u64);
    for header in &outgoing.headers {
        put_counted(out, header.name.as_bytes());
        put_counted(out, &header.value);
    }
    let sum = crc32c::crc32c(&out[from..]);
    out.resize(out.len() + TRAILER_BYTES, 0);
    sum
}

fn flag(bit: u8, is_set: bool) -> u8 {
    if is_set { bit } else { 0 }
}

/// Appends a length and that many bytes.
pub(super) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What the log itself knows of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    /// When it was written.
    pub(super) written: Timestamp,
    /// How many bytes of its partition were written before it.
    pub(super) position: u64,
}

/// Fills in the trailer of an encoded record, whose checksum so far is `sum`.
pub(super) fn seal(encoded: &mut [u8], sum: u32, place: Place, trailer: Trailer) {
    let Some((_, tail)) = encoded.split_last_chunk_mut::<TRAILER_BYTES>() else {
        unreachable!("an encoded record ends with room for its trailer");
    };
    tail[..8].copy_from_slice(&trailer.written.0.to_be_bytes());
    tail[8..16].copy_from_slice(&trailer.position.to_be_bytes());
    let sum = crc32c::crc32c_append(sum, &tail[..16]);
    let sum = crc32c::crc32c_append(sum, &key(place));
    tail[16..].copy_from_slice(&sum.to_be_bytes());
}

/// Reads a record and what the log knows of it.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn decode(place: Place, bytes: &[u8]) -> Result<(Record, Trailer), &'static str> {
    let trailer = decode_trailer(place, bytes)?;
    let bytes = Bytes::copy_from_slice(&bytes[..bytes.len() - TRAILER_BYTES]);
    let record = decode_body(place, &bytes, trailer.written).map_err(|_| "it ends too early")?;
    Ok((record, trailer))
}

/// Checks a record and reads what the log knows of it.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn decode_trailer(place: Place, bytes: &[u8]) -> Result<Trailer, &'static str> {
    if bytes.first().is_some_and(|version| *version != VERSION) {
        return Err("it has an unknown format");
    }
    let (checked, sum) = bytes.split_last_chunk().ok_or("it ends too early")?;
    if crc32c::crc32c_append(crc32c::crc32c(checked), &key(place)) != u32::from_be_bytes(*sum) {
        return Err("its checksum does not fit");
    }
    let (rest, position) = checked.split_last_chunk().ok_or("it ends too early")?;
    let (_, written) = rest.split_last_chunk().ok_or("it ends too early")?;
    Ok(Trailer { written: Timestamp(i64::from_be_bytes(*written)), position: u64::from_be_bytes(*position) })
}

fn decode_body(place: Place, bytes: &Bytes, written: Timestamp) -> Result<Record, Truncated> {
    let mut reader = Reader::new(bytes);
    reader.byte()?;
    let flags = reader.byte()?;
    let timestamp = if flags & HAS_TIMESTAMP == 0 {
        written
    } else {
        let bytes = reader.bytes(8)?.try_into().map_err(|_| Truncated)?;
        Timestamp(i64::from_be_bytes(bytes))
    };
    let counted = |reader: &mut Reader<'_>| reader.counted().map(|part| bytes.slice_ref(part));
    let mut optional = |bit| (flags & bit != 0).then(|| counted(&mut reader)).transpose();
    let (key, value) = (optional(HAS_KEY)?, optional(HAS_VALUE)?);
    let mut headers = Vec::new();
    for _ in 0..reader.varint()? {
        let name = std::str::from_utf8(reader.counted()?).map_err(|_| Truncated)?;
        headers.push(Header::new(name, counted(&mut reader)?));
    }
    if !reader.is_empty() {
        return Err(Truncated);
    }
    Ok(Record { partition: place.partition, offset: place.offset, timestamp, key, value, headers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn outgoing() -> impl Strategy<Value = Outgoing> {
        let optional = || proptest::option::of(bytes());
        let headers = proptest::collection::vec(("[a-z]{0,8}", bytes()), 0..3);
        (any::<Option<i64>>(), optional(), optional(), headers).prop_map(
            |(timestamp, key, value, headers)| Outgoing {
                topic: "t".to_owned(),
                partition: None,
                timestamp: timestamp.map(Timestamp),
                key,
                value,
                headers: headers.into_iter().map(|(name, value)| Header::new(name, value)).collect(),
            },
        )
    }

    const PLACE: Place = Place { partition: Partition(3), offset: Offset(70_000) };
    const TRAILER: Trailer = Trailer { written: Timestamp(-5), position: 9 };

    fn sealed(outgoing: &Outgoing) -> Vec<u8> {
        let mut bytes = Vec::new();
        let sum = encode(outgoing, &mut bytes);
        seal(&mut bytes, sum, PLACE, TRAILER);
        bytes
    }

    proptest! {
        #[test]
        fn records_read_back(outgoing in outgoing()) {
            let (record, trailer) = decode(PLACE, &sealed(&outgoing)).unwrap();
            prop_assert_eq!(trailer, TRAILER);
            prop_assert_eq!(record.timestamp, outgoing.timestamp.unwrap_or(TRAILER.written));
            prop_assert_eq!((record.key, record.value), (outgoing.key, outgoing.value));
            prop_assert!(record.headers == outgoing.headers);
            prop_assert_eq!(place(&key(PLACE)), Some(PLACE));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            prop_assert!(decode(PLACE, &bytes).is_err());
            drop(decode_body(PLACE, &bytes.clone().into(), Timestamp(0)));
            prop_assert_eq!(place(&bytes).is_some(), bytes.len() == KEY_BYTES);
        }
    }

    /// A change here is a change of the stored format and needs a new version byte.
    #[test]
    fn the_format_is_fixed() {
        let outgoing = Outgoing {
            topic: "t".to_owned(),
            partition: None,
            timestamp: Some(Timestamp(1)),
            key: Some(Bytes::from_static(b"k")),
            value: None,
            headers: vec![Header::new("h", &b"vv"[..])],
        };
        let mut bytes = sealed(&outgoing);
        bytes.truncate(bytes.len() - 4);
        let expected = b"\x01\x03\0\0\0\0\0\0\0\x01\x01k\x01\x01h\x02vv\xff\xff\xff\xff\xff\xff\xff\xfb\0\0\0\0\0\0\0\x09";
        assert_eq!(bytes, expected);
        assert_eq!(key(PLACE), *b"\0\0\0\x03\0\0\0\0\0\x01\x11\x70");
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let bytes = sealed(&Outgoing {
            topic: "t".to_owned(),
            partition: None,
            timestamp: None,
            key: None,
            value: Some(Bytes::from_static(b"value")),
            headers: Vec::new(),
        });
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(decode(PLACE, &damaged).is_err(), "byte {place}");
            assert!(decode(PLACE, &bytes[..place]).is_err(), "cut at {place}");
        }
        let elsewhere = Place { offset: PLACE.offset.next(), ..PLACE };
        assert_eq!(decode(elsewhere, &bytes).unwrap_err(), "its checksum does not fit");
    }
}
