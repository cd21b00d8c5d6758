//! What librdkafka tells its clients: log lines, errors, rebalances. It is only noted here, never acted upon.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use tracing::{debug, error, info, warn};

use super::ffi;

/// Between two warnings of one client; while a broker is away librdkafka reports every attempt.
const WARNING_PAUSE: Duration = Duration::from_secs(10);

/// How long a problem may explain the next failure.
const LAST_AGE_MAX: Duration = Duration::from_secs(30);

/// Passes log lines and errors of a client on.
#[derive(Default)]
pub(super) struct Watch {
    warned: Mutex<Option<Instant>>,
    last: Mutex<Option<(RDKafkaErrorCode, String, Instant)>>,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(target: "kafka", facility, "{message}");
            },
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                warn!(target: "kafka", facility, "{message}");
            },
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => info!(target: "kafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => debug!(target: "kafka", facility, "{message}"),
        }
    }

    fn error(&self, problem: KafkaError, reason: &str) {
        let Some(code) = problem.rdkafka_error_code() else {
            return;
        };
        // The end of a partition is told as an error too.
        if code == RDKafkaErrorCode::PartitionEOF {
            return;
        }
        *lock(&self.last) = Some((code, reason.to_owned(), Instant::now()));
        if self.may_warn() {
            warn!(target: "kafka", %problem, reason, "client reports a problem and keeps trying");
        } else {
            debug!(target: "kafka", %problem, reason, "client reports a problem");
        }
    }
}

impl ConsumerContext for Watch {}

impl Watch {
    /// The last problem that the client has reported, if that was just now.
    pub(super) fn last(&self) -> Option<(RDKafkaErrorCode, String)> {
        let last = lock(&self.last).clone();
        last.filter(|(.., moment)| moment.elapsed() < LAST_AGE_MAX).map(|(code, reason, _)| (code, reason))
    }

    fn may_warn(&self) -> bool {
        let mut warned = lock(&self.warned);
        if warned.is_some_and(|moment| moment.elapsed() < WARNING_PAUSE) {
            return false;
        }
        *warned = Some(Instant::now());
        true
    }
}

/// A change of the assignment, as librdkafka told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rebalance {
    Assign(Vec<Partition>),
    Revoke(Vec<Partition>),
    Lose(Vec<Partition>),
}

/// The context of a member's consumer: notes rebalances until its owner looks.
#[derive(Default)]
pub(super) struct MemberContext {
    watch: Watch,
    rebalances: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
}

impl MemberContext {
    /// The next change that was not looked at yet.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// From now on nobody looks: rebalances are answered at once, or closing the consumer would wait for ever.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn error(&self, problem: KafkaError, reason: &str) {
        self.watch.error(problem, reason);
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.load(Ordering::SeqCst) {
            // While a consumer closes, librdkafka takes any such call as giving everything up.
            if let Err(problem) = consumer.unassign() {
                debug!(target: "kafka", %problem, "closing a consumer");
            }
            return;
        }
        let listed = ffi::entries(partitions)
            .into_iter()
            .filter_map(|entry| u32::try_from(entry.partition).ok())
            .map(Partition)
            .collect();
        let rebalance = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(listed),
            _ if consumer.assignment_lost() => Rebalance::Lose(listed),
            _ => Rebalance::Revoke(listed),
        };
        lock(&self.rebalances).push_back(rebalance);
    }
}

/// Locks what no holder can leave half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
