//! What the operator sets, and the librdkafka settings of each kind of client that follow from it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ports::{Error, ErrorKind, Result};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// The largest record that is sent: librdkafka's limit of a message. One that is larger would fail its transaction on
/// every try.
pub(super) const RECORD_BYTES_MAX: usize = 1_000_000;

/// How long a transaction may take before the broker ends it. The group's session has the same length, so that a dead
/// member's transaction is over when another takes its partitions.
pub(super) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a record outside of a transaction is tried.
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// The member's heartbeat, and so the longest time until it learns of a rebalance.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(500);

/// What correctness rests on, and `extra` may not change.
const RESERVED: [&str; 25] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "transaction.timeout.ms",
    "transactional.id",
];

/// How to reach Kafka.
#[derive(Clone)]
pub struct Settings {
    /// The brokers to begin with: `host:port`, joined by commas.
    pub bootstrap: String,
    /// The name that the brokers' logs and quotas know this process by.
    pub client_id: String,
    /// Further settings of librdkafka by their own names, for security above all.
    pub extra: BTreeMap<String, String>,
    /// How long a call waits for the brokers before it is [`ErrorKind::Unavailable`].
    pub timeout: Duration,
}

impl Settings {
    /// Settings for these brokers, without anything special.
    pub fn new(bootstrap: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            client_id: client_id.into(),
            extra: BTreeMap::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Refuses further settings that would break what the connector promises.
    pub(super) fn check(&self) -> Result<()> {
        match RESERVED.iter().find(|key| self.extra.contains_key(**key)) {
            Some(key) => Err(Error::new(
                ErrorKind::Misconfigured,
                format!("the Kafka setting `{key}` is given by the product: remove it"),
            )),
            None => Ok(()),
        }
    }

    /// A client of a kind: its defaults, then what the operator says, then what must be so.
    fn client(&self, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        // A broker that was away is tried again soon; librdkafka would wait up to 10 s.
        config.set("reconnect.backoff.max.ms", "1000");
        config.set("socket.keepalive.enable", "true");
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        for (key, value) in fixed {
            config.set(*key, *value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", &self.client_id);
        let debugs = self.extra.contains_key("debug");
        config.set_log_level(if debugs { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
        config
    }

    /// Creates and describes topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.client(&[], &[])
    }

    /// Asks for metadata and for the end of what is committed.
    pub(super) fn observer(&self) -> ClientConfig {
        self.client(&[], &[("isolation.level", "read_committed")])
    }

    /// Asks for a group's positions and never joins it. Uncommitted isolation, for a committed one would wait until
    /// open transactions end.
    pub(super) fn group_observer(&self, group: &str) -> ClientConfig {
        let fixed =
            [("group.id", group), ("enable.auto.commit", "false"), ("isolation.level", "read_uncommitted")];
        self.client(&[], &fixed)
    }

    /// As [`Self::group_observer`], but waits until open transactions end.
    pub(super) fn stable_group_observer(&self, group: &str) -> ClientConfig {
        let mut config = self.group_observer(group);
        config.set("isolation.level", "read_committed");
        config
    }

    /// Reads chosen partitions. librdkafka wants a group for that; it is never joined and commits nothing.
    pub(super) fn reader(&self) -> ClientConfig {
        let group = format!("{}.reader", self.client_id);
        let fixed = [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
        ];
        self.client(&[("fetch.queue.backoff.ms", "5")], &fixed)
    }

    /// Reads as a member of a group.
    pub(super) fn member(&self, group: &str, name: &str) -> ClientConfig {
        let heartbeat = HEARTBEAT.as_millis().to_string();
        let session = TRANSACTION_TIMEOUT.as_millis().to_string();
        let defaults = [
            ("session.timeout.ms", session.as_str()),
            ("heartbeat.interval.ms", heartbeat.as_str()),
            ("max.poll.interval.ms", "300000"),
            // The default of 1 s is how long a full queue would keep a partition from being fetched.
            ("fetch.queue.backoff.ms", "5"),
        ];
        let fixed = [
            ("group.id", group),
            ("group.instance.id", name),
            ("group.protocol", "classic"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "false"),
        ];
        self.client(&defaults, &fixed)
    }

    /// Appends outside of transactions.
    pub(super) fn producer(&self) -> ClientConfig {
        let delivery = DELIVERY_TIMEOUT.as_millis().to_string();
        let defaults = [
            ("compression.type", "lz4"),
            ("linger.ms", "1"),
            ("queue.buffering.max.messages", "1000000"),
            ("retry.backoff.ms", "5"),
        ];
        let fixed =
            [("enable.idempotence", "true"), ("acks", "all"), ("delivery.timeout.ms", delivery.as_str())];
        self.client(&defaults, &fixed)
    }

    /// Writes in transactions under this id.
    pub(super) fn transactional_producer(&self, id: &str) -> ClientConfig {
        let timeout = TRANSACTION_TIMEOUT.as_millis().to_string();
        let defaults = [
            ("compression.type", "lz4"),
            ("linger.ms", "0"),
            ("queue.buffering.max.messages", "1000000"),
            // The default of 100 ms is what back-to-back commits would wait while the broker finishes the last one.
            ("retry.backoff.ms", "5"),
        ];
        let fixed = [
            ("transactional.id", id),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("transaction.timeout.ms", timeout.as_str()),
            ("delivery.timeout.ms", timeout.as_str()),
        ];
        self.client(&defaults, &fixed)
    }
}

/// Shows the values of `extra` only where the name says that they are no secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |key: &String| {
            let public = ["mechanism", "protocol", ".ms", ".bytes", "location", "debug"];
            public.iter().any(|part| key.contains(part))
        };
        let extra: BTreeMap<_, _> = self
            .extra
            .iter()
            .map(|(key, value)| (key, if shown(key) { value.as_str() } else { "***" }))
            .collect();
        f.debug_struct("Settings")
            .field("bootstrap", &self.bootstrap)
            .field("client_id", &self.client_id)
            .field("extra", &extra)
            .field("timeout", &self.timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(key: &str, value: &str) -> Settings {
        let mut settings = Settings::new("localhost:9092", "test");
        settings.extra.insert(key.to_owned(), value.to_owned());
        settings
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", settings("sasl.password", "hunter2"));
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
        assert!(format!("{:?}", settings("sasl.mechanism", "PLAIN")).contains("PLAIN"));
    }

    #[test]
    fn what_correctness_rests_on_cannot_be_set() {
        let refused = settings("isolation.level", "read_uncommitted").check().unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Misconfigured);
        assert!(refused.message.contains("isolation.level"));
        assert_eq!(settings("session.timeout.ms", "9000").check(), Ok(()));
    }

    #[test]
    fn the_operator_overrides_defaults_but_not_what_must_be_so() {
        let config = settings("linger.ms", "7").transactional_producer("a.one");
        assert_eq!(config.get("linger.ms"), Some("7"));
        assert_eq!(config.get("transactional.id"), Some("a.one"));
    }
}
