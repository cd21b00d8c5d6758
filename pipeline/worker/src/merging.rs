//! Merges compiled rules in a thread beside the loop, so that no change of a rule waits until very many are compiled.
//!
//! Which rules an event meets does not depend on whether a merge is done, or when.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use metrics::histogram;
use rules::{Merged, Snapshot};

use crate::metrics as names;

/// At most one merge at a time.
#[derive(Debug, Default)]
pub(crate) struct Merging {
    running: Option<Running>,
    /// Goes when the loop has let go of what was merged.
    replaced: Option<Sender<()>>,
}

#[derive(Debug)]
struct Running {
    merged: Receiver<(Merged, Duration)>,
    replaced: Sender<()>,
}

impl Merging {
    /// Takes over what is done and starts what is due, for which only a snapshot that has changed is looked at. Answers the
    /// snapshot from now on, if it is another one; until the next turn, letting go of the one before frees little.
    pub(crate) fn turn(&mut self, snapshot: &Snapshot, has_changed: bool) -> Option<Snapshot> {
        self.replaced = None;
        let adopted = self.finished().map(|merged| snapshot.adopt(merged));
        if self.running.is_none()
            && (has_changed || adopted.is_some())
            && let Some(merge) = adopted.as_ref().unwrap_or(snapshot).merge()
        {
            let ((sender, merged), (replaced, wait)) = (channel(), channel());
            let run = move || {
                let started = std::time::Instant::now();
                // The memory of what is merged is freed here, not by the loop: for very many rules that takes long.
                let kept = merge.clone();
                // Nobody waits for it if the worker has ended.
                drop(sender.send((merge.run(), started.elapsed())));
                // Until the loop has another snapshot, or is not there any more: it sends nothing.
                wait.recv().unwrap_or_default();
                drop(kept);
            };
            match std::thread::Builder::new().name("rules-merge".to_owned()).spawn(run) {
                Ok(_) => self.running = Some(Running { merged, replaced }),
                Err(error) => {
                    tracing::warn!(%error, "no thread to merge compiled rules; events cost more until there is");
                },
            }
        }
        adopted
    }

    fn finished(&mut self) -> Option<Merged> {
        let done = self.running.as_ref()?.merged.try_recv();
        match done {
            Ok((merged, took)) => {
                self.replaced = self.running.take().map(|running| running.replaced);
                histogram!(names::MERGE_SECONDS).record(took);
                Some(merged)
            },
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.running = None;
                tracing::error!("merging compiled rules has failed; it is tried again");
                None
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::{Command, Matcher, Payload, RuleBook, RuleKey};
    use serde_json::json;
    use uuid::Uuid;

    fn put(book: &mut RuleBook, alert: u128, name: &str) -> RuleKey {
        let document = json!({
            "customerId": Uuid::from_u128(1), "alertId": Uuid::from_u128(alert), "alertName": "a", "match": format!("$.{name}"),
        });
        let (rule, _) = rules::read_rule(document.to_string().as_bytes(), None).unwrap();
        let key = rule.key;
        book.apply(Command::Put { rule: Box::new(rule), expected: None });
        key
    }

    #[test]
    fn what_has_changed_is_merged_beside_the_loop_and_taken_over() {
        let mut book = RuleBook::default();
        for alert in 0..1_000 {
            put(&mut book, alert, "a");
        }
        let mut snapshot = Matcher::compile(&book);
        let mut merging = Merging::default();
        let mut merges = 0;
        let end = std::time::Instant::now() + Duration::from_secs(60);
        let mut changes = 0..1_000_u128;
        while merges == 0 || snapshot.merge().is_some() || !changes.is_empty() {
            assert!(std::time::Instant::now() < end, "{merges} merges came to an end");
            let changed = changes.next().map(|alert| put(&mut book, alert, "b"));
            snapshot = snapshot.with(&book, changed);
            if let Some(next) = merging.turn(&snapshot, changed.is_some()) {
                snapshot = next;
                merges += 1;
            }
        }
        let met = |text: &str| {
            let payload = Payload::parse(text).unwrap();
            snapshot.matches(book.iter().next().unwrap().rule.key.customer, &payload).len()
        };
        assert_eq!((met(r#"{"a":1}"#), met(r#"{"b":1}"#)), (0, 1_000));
    }
}
