//! Topics: made with the settings they need, and described.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use ports::{Error, ErrorKind, Result, Retention, TopicSpec, TopicState};
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::types::RDKafkaErrorCode;

use super::block_on::block_on;
use super::context::Watch;
use super::errors::{error, from_kafka};
use super::observer::Observer;
use super::settings::Settings;

/// The settings that a topic's findings look at.
const SETTINGS_SHOWN: [&str; 3] = ["cleanup.policy", "retention.bytes", "retention.ms"];

/// The broker decides how often it keeps a topic.
const BROKER_DEFAULT: TopicReplication<'_> = TopicReplication::Fixed(-1);

/// Between two looks whether new topics can be used.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Makes and describes topics. That is rare, so there is a client only while it is done: nobody would serve its log
/// lines in between.
pub(super) struct Admin {
    client: AdminClient<Watch>,
    timeout: Duration,
}

impl Admin {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let client = settings.admin().create_with_context(Watch::default());
        Ok(Self {
            client: client.map_err(|problem| from_kafka("connecting to Kafka", &problem))?,
            timeout: settings.timeout,
        })
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }

    /// Makes the topics that are missing, and waits until they can be used.
    pub(super) fn create(&self, observer: &Observer, specs: &[TopicSpec]) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for spec in specs {
            if observer.count(&spec.name)?.is_none() {
                missing.push(spec);
            }
        }
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let topics: Vec<_> = missing.iter().map(|spec| new_topic(spec)).collect();
        let results = block_on(self.client.create_topics(&topics, &self.options()))
            .map_err(|problem| from_kafka("creating topics", &problem))?;
        let mut created = Vec::new();
        for result in results {
            match result {
                Ok(name) => created.push(name),
                // Another process was faster.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {},
                Err((name, code)) => return Err(error(&format!("creating topic `{name}`"), code, "")),
            }
        }
        self.await_topics(observer, &missing)?;
        Ok(created)
    }

    fn await_topics(&self, observer: &Observer, specs: &[&TopicSpec]) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        for spec in specs {
            loop {
                match observer.count(&spec.name) {
                    Ok(Some(_)) => break,
                    Ok(None) => {},
                    Err(problem) if problem.is_transient() => {},
                    Err(problem) => return Err(problem),
                }
                if Instant::now() >= deadline {
                    let problem = format!("topic `{}` was created but no broker serves it yet", spec.name);
                    return Err(Error::new(ErrorKind::Unavailable, problem));
                }
                thread::sleep(LOOK_PAUSE);
            }
        }
        Ok(())
    }

    /// Tells what topics are like.
    pub(super) fn inspect(&self, observer: &Observer, names: &[&str]) -> Result<Vec<TopicState>> {
        let mut states = Vec::new();
        for name in names {
            states.push(TopicState {
                name: (*name).to_owned(),
                partitions: observer.count(name)?,
                settings: BTreeMap::new(),
            });
        }
        let there: Vec<_> = states
            .iter()
            .filter(|state| state.partitions.is_some())
            .map(|state| state.name.clone())
            .collect();
        if there.is_empty() {
            return Ok(states);
        }
        let specifiers: Vec<_> = there.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let described = block_on(self.client.describe_configs(&specifiers, &self.options()))
            .map_err(|problem| from_kafka("describing topics", &problem))?;
        for (name, described) in there.iter().zip(described) {
            let described =
                described.map_err(|code| error(&format!("describing topic `{name}`"), code, ""))?;
            if let Some(state) = states.iter_mut().find(|state| state.name == *name) {
                state.settings = settings(&described);
            }
        }
        Ok(states)
    }
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let count = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
    let topic = NewTopic::new(&spec.name, count, BROKER_DEFAULT).set("cleanup.policy", "delete");
    match spec.retention {
        Retention::Forever => topic.set("retention.ms", "-1").set("retention.bytes", "-1"),
        Retention::Any => topic,
    }
}

fn settings(described: &ConfigResource) -> BTreeMap<String, String> {
    let shown = described.entries.iter().filter(|entry| SETTINGS_SHOWN.contains(&entry.name.as_str()));
    shown.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?))).collect()
}
