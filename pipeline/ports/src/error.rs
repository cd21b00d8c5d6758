//! Errors of the outside world, named by what the caller does next.

use std::fmt;

/// Shorthand for results of this crate's traits.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The other side is away or busy: try again with back-off.
    Unavailable,
    /// A setting or a right is wrong: stop; an operator must change what the message names.
    Misconfigured,
    /// Another process has taken this one's place: stop.
    Fenced,
    /// The range that was asked for is no longer there: stop that partition; guessing would lose events.
    Gone,
    /// Stored bytes are damaged or of an unknown format: stop that partition.
    Corrupt,
    /// No room is left on the disk: stop; what is stored is consistent.
    Full,
    /// The caller asked for something that is not allowed, such as an oversized record.
    Refused,
}

/// An error of the outside world. The message names the thing, what was tried and what to do, and no payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What the caller does next.
    pub kind: ErrorKind,
    /// For people: lower case, no full stop.
    pub message: String,
}

impl Error {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Puts what was being done before the message.
    #[must_use]
    pub fn during(mut self, action: impl fmt::Display) -> Self {
        self.message = format!("{action}: {}", self.message);
        self
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
