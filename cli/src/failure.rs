//! How a command ends badly: what is said, and the exit code.

use std::fmt;

/// A command's bad end.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The answer is "no": differences found, a check failed.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Wrong usage or invalid input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The other side failed: broker, server, disk.
    pub(crate) fn other_side(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ports::Error> for Failure {
    fn from(error: ports::Error) -> Self {
        match error.kind {
            ports::ErrorKind::Misconfigured => Self::usage(error.message),
            ports::ErrorKind::Unavailable
            | ports::ErrorKind::Fenced
            | ports::ErrorKind::Gone
            | ports::ErrorKind::Corrupt
            | ports::ErrorKind::Full
            | ports::ErrorKind::Refused => Self::other_side(error.message),
        }
    }
}

impl From<bootstrap::Error> for Failure {
    fn from(error: bootstrap::Error) -> Self {
        match error.kind() {
            ports::ErrorKind::Misconfigured | ports::ErrorKind::Refused => Self::usage(error.to_string()),
            ports::ErrorKind::Unavailable
            | ports::ErrorKind::Fenced
            | ports::ErrorKind::Gone
            | ports::ErrorKind::Corrupt
            | ports::ErrorKind::Full => Self::other_side(error.to_string()),
        }
    }
}
