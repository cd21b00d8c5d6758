//! Pages of the rule book: a page begins behind the last key of the page before, so pages stay right while rules come
//! and go.

use rules::{ActiveRule, AlertId, CustomerId, RuleBook, RuleKey};
use serde_json::Value;
use uuid::Uuid;

use super::sight::{sees, shown};
use crate::access::Reach;

/// The version of the cursor's form.
const MARK: &str = "r1.";

/// One page, and the key behind which the next begins if there is one.
pub(super) struct Page {
    pub(super) rules: Vec<Value>,
    pub(super) next: Option<RuleKey>,
}

/// The rules after a key that somebody sees, of one customer or of all.
pub(super) fn page(
    book: &RuleBook,
    reach: Reach,
    after: Option<RuleKey>,
    customer: Option<CustomerId>,
    limit: usize,
) -> Page {
    let of =
        |customer| book.of(customer).filter(move |active| after.is_none_or(|after| active.rule.key > after));
    let found: Box<dyn Iterator<Item = &std::sync::Arc<ActiveRule>>> = match (customer, reach) {
        (Some(customer), _) => Box::new(of(customer)),
        (None, Reach::All) => Box::new(book.after(after)),
        (None, Reach::Global) => Box::new(of(CustomerId::GLOBAL)),
        // Pages go by key, so whoever has the smaller id comes first.
        (None, Reach::Customer(own)) => {
            Box::new(of(own.min(CustomerId::GLOBAL)).chain(of(own.max(CustomerId::GLOBAL))))
        },
        (None, Reach::Nothing) => Box::new(std::iter::empty()),
    };
    let mut found = found.filter(|active| sees(reach, active));
    let taken: Vec<_> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let last = taken.last().filter(|_| more);
    Page {
        next: last.map(|active| active.rule.key),
        rules: taken.into_iter().map(|active| shown(reach, active)).collect(),
    }
}

/// The key as a cursor.
pub(super) fn write_cursor(key: &RuleKey) -> String {
    format!("{MARK}{}{}", key.customer.uuid().simple(), key.alert.uuid().simple())
}

/// The key in a cursor.
pub(super) fn read_cursor(text: &str) -> Option<RuleKey> {
    let (customer, alert) = text.strip_prefix(MARK)?.split_at_checked(32)?;
    if alert.len() != 32 {
        return None;
    }
    Some(RuleKey {
        customer: CustomerId::from_uuid(Uuid::try_parse(customer).ok()?),
        alert: AlertId::from_uuid(Uuid::try_parse(alert).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_does_not() {
        let key: RuleKey =
            "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34/b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10".parse().unwrap();
        let cursor = write_cursor(&key);
        assert_eq!(read_cursor(&cursor), Some(key));
        let cut = cursor.strip_suffix('0').unwrap();
        for text in ["", "r1.", "r2.00", cut, "r1.é"] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
