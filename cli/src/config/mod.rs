//! Settings: flags over `TOCSIN_*` environment over `tocsin.toml` over defaults, each with its source.
//!
//! [`layers`] finds the text of every setting and where it comes from; [`Config::read`] checks the texts and hands
//! typed values inward. Every wrong setting is reported at once.

mod archive;
mod checkpoints;
mod layers;
mod router;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use api::OidcSettings;
use api::records::Location;
use ports::Topics;

pub(crate) use archive::Archive;
pub(crate) use layers::{Environment, Layers};
pub(crate) use router::RouterConfig;

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
    /// Whether a proxy that ends TLS stands in front of the API.
    pub(crate) tls_proxy: bool,
    /// Where the records of the API are.
    pub(crate) records: Location,
    /// Networks besides the internet at large to which alerts may be sent.
    pub(crate) destination_networks: Vec<api::Network>,
    /// The issuer whose tokens the API takes.
    pub(crate) oidc: Option<OidcSettings>,
    pub(crate) kafka: Option<String>,
    /// Passed on to the Kafka client as they are; secrets among them.
    pub(crate) kafka_client: BTreeMap<String, String>,
    pub(crate) partitions: u32,
    /// How many groups a customer has room for over all its rules.
    pub(crate) customer_groups_max: u64,
    pub(crate) name: Option<String>,
    pub(crate) topics: Topics,
    /// None if they are switched off.
    pub(crate) checkpoints: Option<state::checkpoint::Settings>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// The archive; none if it is switched off.
    pub(crate) archive: Option<Archive>,
    /// What `tocsin router` does; none unless an input topic is named.
    pub(crate) router: Option<RouterConfig>,
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
        let records = check.records();
        let oidc = check.oidc();
        let expected = "networks like `10.0.0.0/8`, with commas in between";
        let destination_networks = check.setting("destination-networks", networks, expected);
        let partitions = check.setting("partitions", partitions, "a number from 1 to 1024");
        let groups = |text: &str| text.parse().ok().filter(|count: &u64| *count > 0);
        let groups_max = check.setting("customer-groups-max", groups, "a number from 1");
        let log_format = check.setting("log-format", log_format, "`text` or `json`");
        let router = router::read(&mut check);
        let archive = archive::read(&mut check);
        let own_name = match layers.get("name") {
            None | Some("") => None,
            Some(_) => check.setting("name", name, NAME),
        };
        let checkpoints = checkpoints::read(&mut check);
        let (true, Some(app), Some(listen), Some(worker_listen), Some(tls_proxy)) =
            (check.problems.is_empty(), app, listen, worker_listen, tls_proxy)
        else {
            return Err(Failure::usage(check.problems.join("\n")));
        };
        let (Some(records), Some(partitions), Some(log_format)) = (records, partitions, log_format) else {
            return Err(Failure::usage(check.problems.join("\n")));
        };
        let Some(customer_groups_max) = groups_max else {
            return Err(Failure::usage(check.problems.join("\n")));
        };
        Ok(Self {
            checkpoints,
            app,
            data: layers.get("data").unwrap_or("data").into(),
            listen,
            worker_listen,
            tls_proxy,
            records,
            destination_networks: destination_networks.unwrap_or_default(),
            oidc,
            kafka: layers.get("kafka").filter(|text| !text.is_empty()).map(str::to_owned),
            kafka_client: layers.kafka_client().clone(),
            partitions,
            customer_groups_max,
            name: own_name,
            topics: topics(layers),
            log: layers.get("log").unwrap_or("info").to_owned(),
            log_format,
            archive,
            router,
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

impl Check<'_> {
    /// The issuer of tokens, if one is named.
    fn oidc(&mut self) -> Option<OidcSettings> {
        let text = |setting: &str| self.layers.get(setting).filter(|text| !text.is_empty());
        let claim = |setting: &str| text(setting).unwrap_or_default();
        let Some(issuer) = text("oidc.issuer") else {
            if text("oidc.audience").is_some() || !self.layers.oidc_roles().is_empty() {
                self.problems
                    .push("oidc.issuer: it is missing, and other settings of it are there".to_owned());
            }
            return None;
        };
        let read = OidcSettings::new(
            issuer,
            claim("oidc.audience"),
            text("oidc.keys-url"),
            (claim("oidc.customer-claim"), claim("oidc.role-claim")),
            self.layers.oidc_roles(),
        );
        read.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Where the records are. The text may hold a password, so it is not told when it is wrong.
    fn records(&mut self) -> Option<Location> {
        let data = PathBuf::from(self.layers.get("data").unwrap_or("data"));
        let text = match self.layers.get("database").unwrap_or_default() {
            "" => return Some(Location::File(data.join("records.db"))),
            text => text,
        };
        let url = match text.strip_prefix("file:").map(std::fs::read_to_string) {
            None => text.to_owned(),
            Some(Ok(url)) => url.trim().to_owned(),
            Some(Err(error)) => {
                self.problems.push(format!("database: {text}: {error}"));
                return None;
            },
        };
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Location::Postgres(url));
        }
        let source = self.layers.source("database");
        self.problems.push(format!(
            "database: what stands there (from {source}) is not postgres://USER@HOST/DATABASE, or `file:` and a file \
             that holds such a URL"
        ));
        None
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

fn networks(text: &str) -> Option<Vec<api::Network>> {
    let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().ok()).collect()
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
