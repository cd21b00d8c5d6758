//! What all our Kafka clients share: settings, partitions of a topic, and which errors pass by themselves.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The settings of a consumer that assigns its partitions itself and joins no group.
pub(crate) fn consumer(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker)
        // The client wants a name before it hands out its queue; with `assign` no broker ever sees it.
        .set("group.id", "loadgen")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed");
    config
}

/// The partitions of a topic, at least one.
pub(crate) fn partitions(
    consumer: &BaseConsumer,
    broker: &str,
    topic: &str,
    patience: Duration,
) -> Result<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), patience).with_context(|| {
        format!("asking {broker} about the topic {topic}; does a broker listen there (--kafka)?")
    })?;
    let topics = metadata.topics();
    let partitions: Vec<i32> =
        topics.iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
    if partitions.is_empty() {
        bail!("{broker} has no topic {topic}; `tocsin topics create` makes it");
    }
    Ok(partitions)
}

/// Whether the client goes on by itself after this error.
pub(crate) fn passing(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::PartitionEOF(_)
            | KafkaError::MessageConsumption(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::Resolve
            )
    )
}
