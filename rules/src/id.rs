//! Identities: customers, alerts (a rule's own id) and the pair of both that names a rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that should have been a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its hyphenated form of 36 characters")]
pub struct IdError;

fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    // `Uuid::parse_str` also takes braces, URNs and 32 bare digits; one spelling keeps keys comparable as bytes.
    if text.len() == 36 { Uuid::try_parse(text).map_err(|_| IdError) } else { Err(IdError) }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was checked elsewhere.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The id of these 16 bytes, see [`Self::as_bytes`].
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, big-endian: sorts as the id does.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

uuid_id! {
    /// Names a savepoint.
    SavepointId
}

uuid_id! {
    /// A tenant. Written in lower case; read in either.
    CustomerId
}

uuid_id! {
    /// The id of a rule within its customer.
    AlertId
}

impl CustomerId {
    /// The customer of global rules, which apply to every customer. No event may carry it.
    pub const GLOBAL: Self = Self(Uuid::from_u128(0xdead_beef_dead_beef_dead_beef_dead_beef));

    /// Whether this names the global rules instead of a customer.
    pub fn is_global(self) -> bool {
        self == Self::GLOBAL
    }
}

/// What names a rule: its customer and its id. Printed as `customerId/alertId`, which is also its key on the control topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleKey {
    /// The customer that the rule belongs to, or [`CustomerId::GLOBAL`].
    pub customer: CustomerId,
    /// The rule within the customer.
    pub alert: AlertId,
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.customer, self.alert)
    }
}

impl fmt::Debug for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RuleKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (customer, alert) = text.split_once('/').ok_or(IdError)?;
        Ok(Self { customer: customer.parse()?, alert: alert.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_either_case_and_print_lower() {
        let id: CustomerId = "DEADBEEF-dead-BEEF-dead-beefdeadbeef".parse().unwrap();
        assert!(id.is_global());
        assert_eq!(id.to_string(), "deadbeef-dead-beef-dead-beefdeadbeef");
    }

    #[test]
    fn only_the_hyphenated_spelling_is_an_id() {
        for text in ["", "x", "deadbeefdeadbeefdeadbeefdeadbeef", "{deadbeef-dead-beef-dead-beefdeadbeef}"] {
            assert_eq!(text.parse::<CustomerId>(), Err(IdError), "{text}");
        }
    }

    #[test]
    fn a_rule_key_reads_back_from_its_text() {
        let text = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34/b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10";
        assert_eq!(text.parse::<RuleKey>().unwrap().to_string(), text);
        assert_eq!("9f20f8a4-d8c8-4a74-ac90-3452b97c2e34".parse::<RuleKey>(), Err(IdError));
    }
}
