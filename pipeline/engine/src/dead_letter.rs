//! Dead letters: records that cannot be evaluated, kept with their bytes and the reason. The stream goes on.

use bytes::Bytes;

use crate::stream::{Offset, Timestamp};

/// Why a record became a dead letter. `docs/errors.md` has an entry for each code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The record has no value.
    NoValue,
    /// The envelope is not UTF-8.
    NotUtf8,
    /// The envelope is not one JSON object.
    BadEnvelope,
    /// `customerId` is missing or no UUID.
    BadCustomer,
    /// The event names the customer of global rules.
    GlobalCustomer,
    /// `payload` is missing, or neither a string nor an object.
    BadPayloadType,
    /// The payload is not one JSON document.
    BadPayload,
    /// The payload nests too deep.
    TooDeep,
    /// The record is larger than an event may be.
    TooLarge,
    /// The record lies in another partition than its customer's.
    Misplaced,
    /// A control record that cannot be read.
    BadControl,
}

impl Reason {
    /// All reasons, for tables and tests.
    pub const ALL: [Self; 11] = [
        Self::NoValue,
        Self::NotUtf8,
        Self::BadEnvelope,
        Self::BadCustomer,
        Self::GlobalCustomer,
        Self::BadPayloadType,
        Self::BadPayload,
        Self::TooDeep,
        Self::TooLarge,
        Self::Misplaced,
        Self::BadControl,
    ];

    /// The stable code, for instance `TOC-2004`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoValue => "TOC-2001",
            Self::NotUtf8 => "TOC-2002",
            Self::BadEnvelope => "TOC-2003",
            Self::BadCustomer => "TOC-2004",
            Self::GlobalCustomer => "TOC-2005",
            Self::BadPayloadType => "TOC-2006",
            Self::BadPayload => "TOC-2007",
            Self::TooDeep => "TOC-2008",
            Self::TooLarge => "TOC-2009",
            Self::Misplaced => "TOC-2010",
            Self::BadControl => "TOC-2011",
        }
    }
}

/// A refusal before it is known which record it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind.
    pub reason: Reason,
    /// What is wrong and where, without any of the record's content.
    pub detail: String,
}

/// A record that was refused.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: Reason,
    /// What is wrong and where, without any of the record's content.
    pub detail: String,
    /// The record's place in its partition.
    pub offset: Offset,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// The record's key as it came.
    pub key: Option<Bytes>,
    /// The record's value as it came.
    pub value: Option<Bytes>,
}

/// The content never reaches logs, so the debug form leaves it out.
impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.value.as_ref().map_or(0, Bytes::len);
        write!(
            f,
            "DeadLetter({} at offset {}, {bytes} bytes: {})",
            self.reason.code(),
            self.offset,
            self.detail
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_stable() {
        let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let expected: Vec<_> = (2001..=2011).map(|number| format!("TOC-{number}")).collect();
        assert_eq!(codes, expected);
    }
}
