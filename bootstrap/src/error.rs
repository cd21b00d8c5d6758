//! What can go wrong with history. Every error names the file, or the partition and offset, that it is about.

use engine::Partition;
use ports::ErrorKind;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the archive or of what it is filled from. Nothing is ever answered in part beside one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object store does not answer, or answers that it cannot now.
    #[error("object store, {path}: {problem}; it is tried again")]
    Unavailable {
        /// Which object.
        path: String,
        /// What the store says.
        problem: String,
    },
    /// The object store refuses: a right, a setting, or a place that does not exist.
    #[error(
        "object store, {path}: {problem}; check its address, its rights and whether it can create objects conditionally"
    )]
    Misconfigured {
        /// Which object.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A file that the archive's log names is not there.
    #[error(
        "archive file {file} is missing: put it back from a copy of the archive; nothing was counted without it"
    )]
    Missing {
        /// Which file.
        file: String,
    },
    /// A file does not hold what was written.
    #[error("archive file {file} is damaged: {problem}; put it back from a copy of the archive")]
    Damaged {
        /// Which file.
        file: String,
        /// What does not fit.
        problem: String,
    },
    /// An entry of the archive's log cannot be understood.
    #[error("archive log entry {entry}: {problem}; was it written by another program or a newer version?")]
    Format {
        /// Which entry.
        entry: String,
        /// What does not fit.
        problem: String,
    },
    /// Records are neither in the archive nor, any more, in the log.
    #[error(
        "partition {partition}: the records from offset {from} up to {until} are neither in the archive nor in the log; \
         keep events longer than the archive may lag behind, or accept the loss with `tocsin history accept-gap`"
    )]
    Gap {
        /// The partition.
        partition: Partition,
        /// The first offset that is missing.
        from: i64,
        /// The first that is there again.
        until: i64,
    },
    /// The log is shorter than what was archived of it, so it is not the same log.
    #[error(
        "partition {partition}: archived up to offset {archived}, and the log ends at {end}: the topic was made anew; \
         archive it in another place with --archive"
    )]
    Recreated {
        /// The partition.
        partition: Partition,
        /// The next offset to be archived.
        archived: i64,
        /// The end of the log.
        end: i64,
    },
    /// What was asked for is not allowed or makes no sense.
    #[error("{0}")]
    Refused(String),
    /// State of a fold cannot be read.
    #[error(transparent)]
    Fold(#[from] engine::Failure),
    /// The log of events.
    #[error(transparent)]
    Log(#[from] ports::Error),
}

impl Error {
    /// What the caller does next.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Misconfigured { .. } => ErrorKind::Misconfigured,
            Self::Missing { .. } | Self::Damaged { .. } | Self::Format { .. } | Self::Fold(_) => {
                ErrorKind::Corrupt
            },
            Self::Gap { .. } | Self::Recreated { .. } => ErrorKind::Gone,
            Self::Refused(_) => ErrorKind::Refused,
            Self::Log(error) => error.kind,
        }
    }
}

/// Hands errors of this crate to who knows those of ports.
impl From<Error> for ports::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}
