//! Settings: flags over `TOCSIN_*` environment over `tocsin.toml` over defaults, each with its source.
//!
//! [`layers`] finds the text of every setting and where it comes from; [`Config::read`] checks the texts and hands
//! typed values inward. Every wrong setting is reported at once.

mod layers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ports::Topics;

pub(crate) use layers::{Environment, Layers};

use crate::failure::Failure;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) app: String,
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) worker_listen: SocketAddr,
    pub(crate) kafka: Option<String>,
    /// Passed on to the Kafka client as they are; secrets among them.
    pub(crate) kafka_client: BTreeMap<String, String>,
    pub(crate) partitions: u32,
    pub(crate) name: Option<String>,
    pub(crate) topics: Topics,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// The most partitions of an event topic.
const PARTITIONS_MAX: u32 = 1024;

impl Config {
    /// Checks the settings that the layers answer.
    ///
    /// # Errors
    /// Every setting that is wrong, with its source and what is expected.
    pub(crate) fn read(layers: &Layers) -> Result<Self, Failure> {
        const ADDRESS: &str = "ADDRESS:PORT";
        const NAME: &str = "1 to 100 letters, digits, `.`, `_` or `-`";
        let mut check = Check { layers, problems: Vec::new() };
        let app = check.setting("app", name, NAME);
        let listen: Option<SocketAddr> = check.setting("listen", |text| text.parse().ok(), ADDRESS);
        let worker_listen = check.setting("worker-listen", |text| text.parse().ok(), ADDRESS);
        let tls_proxy = check.setting("tls-proxy", |text| text.parse().ok(), "`true` or `false`");
        if let (Some(listen), Some(false)) = (listen, tls_proxy) {
            check.problems.extend(unsafe_listener(listen));
        }
        let partitions = check.setting("partitions", partitions, "a number from 1 to 1024");
        let log_format = check.setting("log-format", log_format, "`text` or `json`");
        let own_name = match layers.get("name") {
            None | Some("") => None,
            Some(_) => check.setting("name", name, NAME),
        };
        let (true, Some(app), Some(listen), Some(worker_listen), Some(partitions), Some(log_format)) =
            (check.problems.is_empty(), app, listen, worker_listen, partitions, log_format)
        else {
            return Err(Failure::usage(check.problems.join("\n")));
        };
        Ok(Self {
            app,
            data: layers.get("data").unwrap_or("data").into(),
            listen,
            worker_listen,
            kafka: layers.get("kafka").filter(|text| !text.is_empty()).map(str::to_owned),
            kafka_client: layers.kafka_client().clone(),
            partitions,
            name: own_name,
            topics: topics(layers),
            log: layers.get("log").unwrap_or("info").to_owned(),
            log_format,
        })
    }
}

/// Reads settings and collects what is wrong with them.
struct Check<'a> {
    layers: &'a Layers,
    problems: Vec<String>,
}

impl Check<'_> {
    fn setting<T>(&mut self, setting: &str, parse: impl Fn(&str) -> Option<T>, expected: &str) -> Option<T> {
        let text = self.layers.get(setting).unwrap_or_default();
        let value = parse(text);
        if value.is_none() {
            let source = self.layers.source(setting);
            self.problems.push(format!("{setting}: `{text}` (from {source}) is not {expected}"));
        }
        value
    }
}

/// Tokens and events would cross the network in the clear.
fn unsafe_listener(listen: SocketAddr) -> Option<String> {
    (!listen.ip().is_loopback()).then(|| {
        format!(
            "listen: {listen} can be reached by other machines, and this listener has no TLS: put a proxy that ends TLS \
             in front and say so with --tls-proxy true, or listen on 127.0.0.1"
        )
    })
}

fn name(text: &str) -> Option<String> {
    // The names of Kafka topics, groups and transactional ids are made of it.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (!text.is_empty() && text.len() <= 100 && text.bytes().all(fits)).then(|| text.to_owned())
}

fn partitions(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| (1..=PARTITIONS_MAX).contains(count))
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn topics(layers: &Layers) -> Topics {
    let named = |setting: &str| layers.get(setting).unwrap_or_default().to_owned();
    Topics {
        events: named("topics.events"),
        controls: named("topics.controls"),
        alerts: named("topics.alerts"),
        alerts_shadow: named("topics.alerts-shadow"),
        changelog: named("topics.changelog"),
        dead_letters: named("topics.dead-letters"),
        late: named("topics.late"),
    }
}

#[cfg(test)]
mod tests;
