//! Hidden state: clocks and timers of rules that are still being filled from the past.
//!
//! The state of a rule generation stands under keys of its own, so it can be built where it will be. Clocks and timers of a
//! customer serve all its rules, so those of newcomers stand apart until they join, in the table `meta`.

use bytes::Bytes;

use crate::key::{Key, is_clock, shared_by_customer};
use crate::view::{Source, Unavailable};
use crate::write::{Table, Write};

const PREFIX: &[u8] = b"hidden/";

/// State as newcomers see it: their own clocks and timers in place of those of the live stream.
pub struct Hidden<'a>(pub &'a dyn Source);

impl Source for Hidden<'_> {
    fn get(&self, table: Table, key: &Key) -> Result<Option<Bytes>, Unavailable> {
        let (table, key) = hide(table, key.clone());
        self.0.get(table, &key)
    }

    fn first(&self, table: Table, from: &Key, to: &Key) -> Result<Option<(Key, Bytes)>, Unavailable> {
        let (hidden, from) = hide(table, from.clone());
        if hidden == table {
            return self.0.first(table, &from, to);
        }
        let (_, to) = hide(table, to.clone());
        let found = self.0.first(hidden, &from, &to)?;
        Ok(found.and_then(|(key, value)| Some((reveal(&key)?.1, value))))
    }
}

/// Where a newcomer's value stands.
fn hide(table: Table, key: Key) -> (Table, Key) {
    let tag = match table {
        Table::State if is_clock(&key) || shared_by_customer(&key).is_some() => b'c',
        Table::Timers => b't',
        Table::State | Table::Meta | Table::Rules => return (table, key),
    };
    (Table::Meta, [PREFIX, &[tag], &key].concat().into())
}

/// Where a hidden value will stand.
pub fn reveal(key: &Key) -> Option<(Table, Key)> {
    let (tag, _) = key.strip_prefix(PREFIX)?.split_first()?;
    let table = if *tag == b't' { Table::Timers } else { Table::State };
    Some((table, key.slice(PREFIX.len() + 1..)))
}

/// The range of all hidden values.
pub fn hidden_range() -> (Key, Key) {
    (Key::from_static(PREFIX), [PREFIX, &[0xFF]].concat().into())
}

/// The change of a newcomer's state, where it stands.
pub fn hidden_write(write: Write) -> Write {
    match write {
        Write::Put { table, key, value } => {
            let (table, key) = hide(table, key);
            Write::Put { table, key, value }
        },
        Write::Delete { table, key } => {
            let (table, key) = hide(table, key);
            Write::Delete { table, key }
        },
        Write::DeleteRange { .. } => write,
    }
}
