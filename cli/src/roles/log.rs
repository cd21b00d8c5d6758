//! The log of a process: embedded, or Kafka; and whether its topics will do.

use std::sync::Arc;

use connectors::embedded::{self, EmbeddedLog};
use connectors::kafka::{self, KafkaLog};
use ports::{Error, ErrorKind, Log, Result, findings};

use crate::config::Config;
use crate::failure::Failure;

/// What a start does about the deployment's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topics {
    /// Makes those that are missing, then looks whether all will do.
    CreateMissing,
    /// Looks whether they will do.
    Verify,
}

/// Opens the log that the settings name. Does not wait for a broker.
pub(crate) fn open(config: &Config) -> std::result::Result<Arc<dyn Log>, Failure> {
    match &config.kafka {
        Some(_) => connect(config),
        None => {
            let settings = embedded::Settings::new(config.data.join("log"));
            Ok(Arc::new(EmbeddedLog::open(settings)?))
        },
    }
}

/// Connects to the Kafka that the settings name.
pub(crate) fn connect(config: &Config) -> std::result::Result<Arc<dyn Log>, Failure> {
    let Some(bootstrap) = config.kafka.clone() else {
        return Err(Failure::usage("this needs Kafka: name the broker with --kafka HOST:PORT"));
    };
    let settings =
        kafka::Settings { extra: config.kafka_client.clone(), ..kafka::Settings::new(bootstrap, "tocsin") };
    Ok(Arc::new(KafkaLog::connect(settings)?))
}

/// Makes sure that the topics are there and will do.
pub(crate) fn prepare(log: &dyn Log, config: &Config, topics: Topics) -> Result<()> {
    if topics == Topics::CreateMissing {
        for name in create_missing(log, config)? {
            tracing::info!(topic = name, "topic created");
        }
    }
    match faults(log, config)?.as_slice() {
        [] => Ok(()),
        faults => Err(Error::new(ErrorKind::Misconfigured, faults.join("; "))),
    }
}

/// Makes the topics that are missing and answers their names.
pub(crate) fn create_missing(log: &dyn Log, config: &Config) -> Result<Vec<String>> {
    log.create_topics(&config.topics.specs(partitions(log, config)?))
}

/// What is wrong with the topics, each with the setting to change.
pub(crate) fn faults(log: &dyn Log, config: &Config) -> Result<Vec<String>> {
    let partitions = partitions(log, config)?;
    let specs = match config.checkpoints {
        Some(_) => config.topics.specs_with_checkpoints(partitions),
        None => config.topics.specs(partitions),
    };
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let states = log.inspect_topics(&names)?;
    Ok(specs.iter().zip(&states).flat_map(|(spec, state)| findings(spec, state)).collect())
}

/// As many as the event topic has; the setting counts only when that is created.
fn partitions(log: &dyn Log, config: &Config) -> Result<u32> {
    let states = log.inspect_topics(&[&config.topics.events])?;
    Ok(states.first().and_then(|state| state.partitions).unwrap_or(config.partitions))
}
