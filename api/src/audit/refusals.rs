//! Refusals are many when somebody tries doors. The first of a kind is told at once, further ones of a minute together,
//! and of very many kinds all further ones as one: so a flood writes a bounded number of entries.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::entry::Entry;

/// How long refusals of a kind are counted before they are told again.
const WINDOW: Duration = Duration::from_secs(60);
/// How many kinds are told apart in that time.
const KINDS_MAX: usize = 100;

/// What refusals have in common that are told as one.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    who: String,
    source: String,
    action: String,
    status: u16,
    code: String,
}

/// The refusals of the current minute.
pub(super) struct Refusals {
    began: Instant,
    /// The latest of each kind, with how many were not told yet.
    kinds: HashMap<Kind, Entry>,
    /// All of further kinds.
    others: Option<Entry>,
}

impl Refusals {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, kinds: HashMap::new(), others: None }
    }

    /// Counts a refusal; answers it if it is to be told at once.
    pub(super) fn count(&mut self, entry: Entry) -> Option<Entry> {
        let kind = Kind {
            who: entry.who.clone(),
            source: entry.source.clone(),
            action: entry.action.clone(),
            status: entry.status,
            code: entry.code.clone(),
        };
        if let Some(known) = self.kinds.get_mut(&kind) {
            let times = known.times + 1;
            *known = Entry { times, ..entry };
            return None;
        }
        if self.kinds.len() < KINDS_MAX {
            self.kinds.insert(kind, Entry { times: 0, ..entry.clone() });
            return Some(entry);
        }
        let times = self.others.as_ref().map_or(0, |others| others.times) + 1;
        self.others = Some(Entry {
            who: String::new(),
            role: String::new(),
            customer_id: String::new(),
            source: "many".to_owned(),
            action: "many".to_owned(),
            object: String::new(),
            code: String::new(),
            times,
            ..entry
        });
        None
    }

    /// What was counted and not told, once the minute is over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Entry> {
        if now.saturating_duration_since(self.began) < WINDOW {
            return Vec::new();
        }
        self.rest(now)
    }

    /// What was counted and not told.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<Entry> {
        let ended = std::mem::replace(self, Self::new(now));
        let mut rest: Vec<Entry> = ended.kinds.into_values().chain(ended.others).collect();
        rest.retain(|entry| entry.times > 0);
        rest.sort_by(|left, right| (left.at.0, &left.request_id).cmp(&(right.at.0, &right.request_id)));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    fn refused(source: &str) -> Entry {
        Entry { source: source.to_owned(), status: 403, ..entry("") }
    }

    #[test]
    fn the_first_is_told_and_the_rest_together() {
        let begin = Instant::now();
        let mut refusals = Refusals::new(begin);
        assert_eq!(refusals.count(refused("a")), Some(refused("a")));
        for _ in 0..4 {
            assert_eq!(refusals.count(refused("a")), None);
        }
        assert_eq!(refusals.count(refused("b")), Some(refused("b")));
        assert_eq!(refusals.due(begin + WINDOW / 2), []);
        assert_eq!(refusals.due(begin + WINDOW), [Entry { times: 4, ..refused("a") }]);
        assert!(refusals.count(refused("a")).is_some(), "a new minute");
    }

    #[test]
    fn a_flood_of_kinds_is_bounded_and_counted_whole() {
        let begin = Instant::now();
        let mut refusals = Refusals::new(begin);
        let told = (0..1_000).filter_map(|number| refusals.count(refused(&number.to_string()))).count();
        assert_eq!(told, KINDS_MAX);
        let rest = refusals.due(begin + WINDOW);
        assert_eq!(rest.len(), 1);
        assert_eq!((rest[0].source.as_str(), rest[0].times), ("many", 1_000 - KINDS_MAX as u64));
    }
}
