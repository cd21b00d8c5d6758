//! Keys of state: `hash64(customer) | customer | rule generation | kind | group`, all big-endian.
//!
//! The customer comes first, so that one customer is one range; the hash before it spreads customers whose ids are
//! alike. The layout is part of the stored format.

use bytes::Bytes;
use rules::{CustomerId, Generation};
use xxhash_rust::xxh3::xxh3_64;

/// The key of a value within a table.
pub type Key = Bytes;

/// What kind of value stands under a key.
#[repr(u8)]
#[derive(Clone, Copy)]
enum Kind {
    /// The clock of a customer; stands under generation 0, which no rule has.
    Clock = 0,
    /// The count of a rule.
    Count = 1,
}

fn prefix(customer: CustomerId, generation: Generation) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.extend_from_slice(&xxh3_64(customer.as_bytes()).to_be_bytes());
    key.extend_from_slice(customer.as_bytes());
    key.extend_from_slice(&generation.0.to_be_bytes());
    key
}

fn key(customer: CustomerId, generation: Generation, kind: Kind) -> Key {
    let mut key = prefix(customer, generation);
    key.push(kind as u8);
    key.into()
}

/// The key of a customer's clock.
pub fn clock_key(customer: CustomerId) -> Key {
    key(customer, Generation(0), Kind::Clock)
}

/// The key of what a rule has counted for a customer.
pub fn count_key(customer: CustomerId, generation: Generation) -> Key {
    key(customer, generation, Kind::Count)
}

/// The range `[from, to)` of all keys of one rule generation of one customer.
pub fn generation_range(customer: CustomerId, generation: Generation) -> (Key, Key) {
    (prefix(customer, generation).into(), prefix(customer, Generation(generation.0 + 1)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change here is a change of the stored format and needs a new format version.
    #[test]
    fn the_layout_is_fixed() {
        let customer: CustomerId = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34".parse().unwrap();
        let key = count_key(customer, Generation(258));
        assert_eq!(key.len(), 33);
        assert_eq!(key[..8], xxh3_64(customer.as_bytes()).to_be_bytes());
        assert_eq!(key[8..24], *customer.as_bytes());
        assert_eq!(key[24..], [0, 0, 0, 0, 0, 0, 1, 2, 1]);
        assert_eq!(clock_key(customer)[24..], [0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_range_of_a_generation_holds_its_keys_alone() {
        let customer = CustomerId::GLOBAL;
        let (from, to) = generation_range(customer, Generation(7));
        let inside = |key: Key| from <= key && key < to;
        assert!(inside(count_key(customer, Generation(7))));
        assert!(!inside(count_key(customer, Generation(6))) && !inside(count_key(customer, Generation(8))));
        assert!(!inside(clock_key(customer)));
    }
}
