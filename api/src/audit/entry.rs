//! An entry of the audit log, and the chain that entries form: each has a hash over itself and the hash of the one
//! before, so that no entry can be changed, removed or put in between without all later hashes being wrong.

use rules::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::clock;
use crate::token::hex;

/// The version of what is hashed.
const FORM: &[u8] = b"tocsin-audit-1";

/// Something that was done or refused. Empty texts stand for what there is none of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When, in milliseconds.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: `root`, `token:` with an id, `oidc:` with a subject; empty if nobody knows.
    pub who: String,
    /// In which role.
    pub role: String,
    /// Whose affair it is; empty for what concerns the whole system.
    pub customer_id: String,
    /// From which address.
    pub source: String,
    /// What: method and route.
    pub action: String,
    /// Of what: the path, or that of what was made.
    pub object: String,
    /// The answer's status.
    pub status: u16,
    /// The code of the refusal.
    pub code: String,
    /// The id of the request; of several the first.
    pub request_id: String,
    /// How often; more than once for refusals alone.
    pub times: u64,
}

/// An entry in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chained {
    /// Counts all entries from 1, without holes.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
    /// SHA-256 over the entry and the hash of the one before, in hexadecimal digits.
    pub hash: String,
}

/// Where a chain ends, or where what is kept of it begins: behind this entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// The entry's number; 0 before the first.
    pub number: u64,
    /// The entry's hash; empty before the first.
    pub hash: String,
}

impl Link {
    /// The next entry of the chain.
    pub(crate) fn chain(&self, entry: Entry) -> Chained {
        let number = self.number + 1;
        let hash = entry.hash(number, &self.hash);
        Chained { number, entry, hash }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// Why it is not the one that comes next.
    pub fn follow(&mut self, next: &Chained) -> Result<(), String> {
        if next.number != self.number + 1 {
            return Err(format!("entry {} follows entry {}", next.number, self.number));
        }
        if next.entry.hash(next.number, &self.hash) != next.hash {
            return Err(format!("entry {} or the one before it was changed", next.number));
        }
        *self = Self { number: next.number, hash: next.hash.clone() };
        Ok(())
    }
}

impl Entry {
    /// Notes that entries before this one are missing, since they could not be written.
    pub(crate) fn resumed() -> Self {
        let none = String::new;
        Self {
            at: clock::now(),
            who: "tocsin".to_owned(),
            role: none(),
            customer_id: none(),
            source: none(),
            action: "the audit log could not be written for a while".to_owned(),
            object: none(),
            status: 503,
            code: none(),
            request_id: none(),
            times: 1,
        }
    }

    fn hash(&self, number: u64, before: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(FORM);
        let numbers = [number, self.at.0.cast_unsigned(), u64::from(self.status), self.times];
        numbers.iter().for_each(|number| hash.update(number.to_be_bytes()));
        let texts = [
            before,
            &self.who,
            &self.role,
            &self.customer_id,
            &self.source,
            &self.action,
            &self.object,
            &self.code,
            &self.request_id,
        ];
        for text in texts {
            // With its length in front, so that no text can run into the next.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hex(&hash.finalize())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(object: &str) -> Entry {
        Entry {
            at: Timestamp(1_700_000_000_123),
            who: "token:1".to_owned(),
            role: "viewer".to_owned(),
            customer_id: "c".to_owned(),
            source: "10.0.0.1".to_owned(),
            action: "DELETE /v1/rules/{customerId}/{alertId}".to_owned(),
            object: object.to_owned(),
            status: 200,
            code: String::new(),
            request_id: "r".to_owned(),
            times: 1,
        }
    }

    #[test]
    fn the_hashed_form_is_fixed() {
        let first = Link::default().chain(entry("/v1/rules/c/a"));
        let expected = "a452e56056ade11c9d5221c4f8bca6fd7d491053dd4fc61486b2609341c3a69c";
        assert_eq!(first.hash, expected);
    }

    #[test]
    fn a_chain_holds_and_breaks_at_any_change() {
        let mut end = Link::default();
        let chain: Vec<Chained> = ["a", "b", "c"]
            .map(|object| {
                let next = end.chain(entry(object));
                end.follow(&next).unwrap();
                next
            })
            .into();
        let follows = |chain: &[Chained]| {
            let mut link = Link::default();
            chain.iter().try_for_each(|next| link.follow(next)).map(|()| link)
        };
        assert_eq!(follows(&chain), Ok(end));
        let mut changed = chain.clone();
        changed[1].entry.who = "root".to_owned();
        assert_eq!(follows(&changed), Err("entry 2 or the one before it was changed".to_owned()));
        let missing = [chain[0].clone(), chain[2].clone()];
        assert_eq!(follows(&missing), Err("entry 3 follows entry 1".to_owned()));
        let mut shifted = chain;
        shifted[0].entry.object = "ar".to_owned();
        shifted[0].entry.request_id = String::new();
        assert!(follows(&shifted).is_err());
    }
}
