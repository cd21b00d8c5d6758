//! The stored form of keyed state: one byte of format version, then the value as postcard writes it.
//!
//! Postcard (<https://postcard.jamesmunns.com/wire-format>) is compact and fixed: fields in order, numbers as varints. So
//! the order and types of the fields of every type that goes through here are part of the stored format.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 2;

/// A stored value that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Written by another version of the engine.
    #[error("state of format {0}, this version reads format {VERSION}")]
    Format(u8),
    /// Cut or damaged.
    #[error("state that is cut or damaged")]
    Damaged,
}

/// The stored form of a value.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Bytes {
    let bytes =
        postcard::to_extend(value, vec![VERSION]).expect("state has no parts that postcard cannot write");
    bytes.into()
}

/// Reads a stored form back.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoredError> {
    match bytes.split_first() {
        Some((&VERSION, value)) => postcard::from_bytes(value).map_err(|_| StoredError::Damaged),
        Some((other, _)) => Err(StoredError::Format(*other)),
        None => Err(StoredError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_and_others_are_refused() {
        let value = (7_u64, Some("é".to_owned()));
        let bytes = to_bytes(&value);
        assert_eq!(bytes, [2, 7, 1, 2, 0xC3, 0xA9].as_slice());
        assert_eq!(from_bytes::<(u64, Option<String>)>(&bytes), Ok(value));
        assert_eq!(from_bytes::<u64>(&[1, 7]), Err(StoredError::Format(1)));
        assert_eq!(from_bytes::<(u64, Option<String>)>(&bytes[..4]), Err(StoredError::Damaged));
        assert_eq!(from_bytes::<u64>(&[]), Err(StoredError::Damaged));
    }
}
