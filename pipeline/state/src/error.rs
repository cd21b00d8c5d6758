//! RocksDB's errors, named by what the caller does next.

use ports::{Error, ErrorKind};

/// Parts of RocksDB's messages, which carry the operating system's words, and what they mean for us.
const KINDS: [(&str, ErrorKind); 8] = [
    ("No space left on device", ErrorKind::Full),
    ("Disk quota exceeded", ErrorKind::Full),
    ("File too large", ErrorKind::Full),
    ("lock hold by current process", ErrorKind::Misconfigured),
    ("While lock file", ErrorKind::Misconfigured),
    ("Permission denied", ErrorKind::Misconfigured),
    ("Read-only file system", ErrorKind::Misconfigured),
    ("Too many open files", ErrorKind::Misconfigured),
];

/// What an error of RocksDB asks of the caller. Whatever is not known to be curable counts as damage: a store can be
/// rebuilt, and guessing could only make it worse.
pub(crate) fn kind(error: &rocksdb::Error) -> ErrorKind {
    let message = error.as_ref();
    KINDS.iter().find(|(part, _)| message.contains(part)).map_or(ErrorKind::Corrupt, |(_, kind)| *kind)
}

/// The error of a store that was being used. The message names the store, not its contents.
pub(crate) fn failed(store: &str, action: &str, error: &rocksdb::Error) -> Error {
    let advice = match kind(error) {
        ErrorKind::Full => ": make room on the disk, then start again",
        ErrorKind::Misconfigured if is_locked(error) => ": it is in use by another tocsin process",
        ErrorKind::Misconfigured
        | ErrorKind::Unavailable
        | ErrorKind::Fenced
        | ErrorKind::Gone
        | ErrorKind::Corrupt
        | ErrorKind::Refused => "",
    };
    Error::new(kind(error), format!("could not {action} the store {store}{advice}: {error}"))
}

fn is_locked(error: &rocksdb::Error) -> bool {
    let message = error.as_ref();
    message.contains("lock hold by current process") || message.contains("While lock file")
}
