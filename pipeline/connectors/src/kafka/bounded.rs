//! Calls of librdkafka that may never answer, although they are given a time limit.
//!
//! `rd_kafka_send_offsets_to_transaction` is one: while the broker that it takes for the group's coordinator is away it
//! waits for news of that broker, and if that broker has left the cluster no news come (librdkafka, issues 5456 and 5511).

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// Makes a call on a thread of its own and waits so long for its answer. None: it was given up, and whatever it holds is
/// dropped when it returns, if ever.
pub(super) fn within<T: Send + 'static>(
    patience: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, answers) = sync_channel(1);
    let work = move || {
        // Nobody listens any more to a call that was given up.
        answer.send(call()).unwrap_or_default();
    };
    // Without a thread the closure is dropped, and with it the sending end.
    drop(thread::Builder::new().name("kafka-call".to_owned()).spawn(work));
    answers.recv_timeout(patience).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_passed_on() {
        assert_eq!(within(Duration::from_secs(60), || 7), Some(7));
    }

    #[test]
    fn a_call_that_does_not_return_is_given_up() {
        let (release, released) = sync_channel::<()>(0);
        assert_eq!(within(Duration::from_millis(1), move || released.recv().ok()), None);
        drop(release);
    }
}
