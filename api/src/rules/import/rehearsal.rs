//! What would become of rules that are not written: the rule book as it is, and on top what the same import would have
//! written so far, of which only version and digest are kept.

use std::collections::BTreeMap;

use rules::{Command, Outcome, Rejection, Rule, RuleBook, RuleKey, RuleVersion, write_rule};
use sha2::{Digest, Sha256};

use super::report::Status;

/// The digest of a rule in its normal form.
type RuleDigest = [u8; 32];

/// What the import would have written so far.
#[derive(Default)]
pub(super) struct Rehearsal(BTreeMap<RuleKey, (RuleVersion, RuleDigest)>);

impl Rehearsal {
    /// What writing the rule would answer, and the version that would be in force then.
    pub(super) fn write(
        &mut self,
        book: &RuleBook,
        rule: Rule,
        expected: Option<RuleVersion>,
    ) -> (Status, RuleVersion) {
        let (key, digest) = (rule.key, digest(&rule));
        let (status, version) = match self.0.get(&key) {
            Some((actual, _)) if expected.is_some_and(|expected| expected != *actual) => {
                (Status::Stale, *actual)
            },
            Some((actual, known)) if *known == digest => (Status::Unchanged, *actual),
            Some((actual, _)) => (Status::Replaced, RuleVersion(actual.0 + 1)),
            None => match book.decide(Command::Put { rule: Box::new(rule), expected }) {
                Outcome::Created(now) => (Status::Created, now.version),
                Outcome::Replaced { now, .. } => (Status::Replaced, now.version),
                Outcome::Unchanged(now) | Outcome::Deleted(now) => (Status::Unchanged, now.version),
                Outcome::Rejected(Rejection::Stale { actual, .. }) => (Status::Stale, actual),
                Outcome::Rejected(Rejection::NoSuchRule) => (Status::Stale, RuleVersion(0)),
            },
        };
        if status != Status::Stale {
            self.0.insert(key, (version, digest));
        }
        (status, version)
    }
}

fn digest(rule: &Rule) -> RuleDigest {
    Sha256::digest(write_rule(rule, RuleVersion(0)).to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rules::read_rule;
    use serde_json::json;

    fn rule(alert: usize, threshold: i64) -> Rule {
        let alert = format!("00000000-0000-4000-8000-{alert:012}");
        let document = json!({
            "customerId": crate::testing::CUSTOMER, "alertId": alert, "alertName": "n", "match": "$.a", "threshold": threshold
        });
        read_rule(document.to_string().as_bytes(), None).unwrap().0
    }

    proptest! {
        /// Whatever is rehearsed ends as writing it does.
        #[test]
        fn a_rehearsal_answers_what_writing_answers(
            before in prop::collection::vec((0..3_usize, 0..2_i64), 0..6),
            writes in prop::collection::vec((0..3_usize, 0..2_i64, prop::option::of(0..4_u32)), 0..12),
        ) {
            let mut book = RuleBook::default();
            for (alert, threshold) in before {
                book.apply(Command::Put { rule: Box::new(rule(alert, threshold)), expected: None });
            }
            let (known, mut rehearsal) = (book.clone(), Rehearsal::default());
            for (alert, threshold, expected) in writes {
                let expected = expected.map(RuleVersion);
                let rehearsed = rehearsal.write(&known, rule(alert, threshold), expected);
                let written = match book.apply(Command::Put { rule: Box::new(rule(alert, threshold)), expected }) {
                    Outcome::Created(now) => (Status::Created, now.version),
                    Outcome::Replaced { now, .. } => (Status::Replaced, now.version),
                    Outcome::Unchanged(now) => (Status::Unchanged, now.version),
                    Outcome::Rejected(Rejection::Stale { actual, .. }) => (Status::Stale, actual),
                    other => panic!("{other:?}"),
                };
                prop_assert_eq!(rehearsed, written);
            }
        }
    }
}
