//! Finds the text of every setting: flag, environment, file or default, whichever comes first.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ports::Topics;

use crate::arguments::SettingFlags;
use crate::failure::Failure;

/// Every setting with its default; its name is its key in the file, and its flag if it has one.
const SETTINGS: &[(&str, &str)] = &[
    ("app", "tocsin"),
    ("data", "./data"),
    ("listen", "127.0.0.1:8080"),
    ("worker-listen", "127.0.0.1:8081"),
    ("tls-proxy", "false"),
    ("database", ""),
    ("oidc.issuer", ""),
    ("oidc.audience", ""),
    ("oidc.keys-url", ""),
    ("oidc.customer-claim", "tocsin_customer"),
    ("oidc.role-claim", "tocsin_role"),
    ("destination-networks", ""),
    ("kafka", ""),
    ("partitions", "4"),
    ("customer-groups-max", "1000000"),
    ("name", ""),
    ("checkpoints", ""),
    ("checkpoint-interval", "1m"),
    ("checkpoint-mib", "1024"),
    ("checkpoint-mib-per-second", "64"),
    ("checkpoints-kept", "3"),
    ("log", "info"),
    ("log-format", "text"),
    ("archive", ""),
    ("archive-flush-seconds", "60"),
    ("archive-keep-days", "0"),
    ("topics.events", ""),
    ("topics.controls", ""),
    ("topics.alerts", ""),
    ("topics.alerts-shadow", ""),
    ("topics.changelog", ""),
    ("topics.dead-letters", ""),
    ("topics.late", ""),
    ("router.input", ""),
    ("router.customer", "$.customerId"),
    ("router.payload", "$.payload"),
    ("router.from", ""),
    ("router.dead-letters", ""),
];

/// The table of the file whose entries go to the Kafka client as they are.
const KAFKA_CLIENT: &str = "kafka-client";
/// The table of the file that says which values of the role claim give which role.
const OIDC_ROLES: &str = "oidc-roles";

/// The table of the file whose entries go to the client of the bucket for checkpoints as they are.
const CHECKPOINT_STORE: &str = "checkpoint-store";

/// Where a setting's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The environment as it was at the start.
pub(crate) type Environment = BTreeMap<String, String>;

/// Each setting's text and source.
type Values = BTreeMap<&'static str, (String, Source)>;

/// The texts of all settings, with their sources.
#[derive(Debug)]
pub(crate) struct Layers {
    values: Values,
    kafka_client: BTreeMap<String, String>,
    checkpoint_store: BTreeMap<String, String>,
    oidc_roles: BTreeMap<String, String>,
}

impl Layers {
    /// Gathers the layers. `file` must exist if it is named; `tocsin.toml` is taken if it is there.
    ///
    /// # Errors
    /// A file that cannot be read, or that has settings which do not exist.
    pub(crate) fn gather(
        flags: &SettingFlags,
        environment: &Environment,
        file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let (file, mut entries) = read_file(file)?;
        let kafka_client = take_table(KAFKA_CLIENT, &mut entries)?;
        let checkpoint_store = take_table(CHECKPOINT_STORE, &mut entries)?;
        let oidc_roles = take_table(OIDC_ROLES, &mut entries)?;
        let mut values = BTreeMap::new();
        for (setting, default) in SETTINGS {
            let variable = format!("TOCSIN_{}", setting.replace(['.', '-'], "_").to_uppercase());
            let from_file = entries.remove(*setting);
            let value = if let Some(text) = flag(flags, setting) {
                (text.clone(), Source::Flag)
            } else if let Some(text) = environment.get(&variable) {
                (text.clone(), Source::Environment(variable))
            } else if let Some(text) = from_file {
                (text, Source::File(file.clone()))
            } else {
                ((*default).to_owned(), Source::Default)
            };
            values.insert(*setting, value);
        }
        match entries.keys().next() {
            None => Ok(Self { values: with_names(values), kafka_client, checkpoint_store, oidc_roles }),
            Some(unknown) => {
                let known: Vec<_> = SETTINGS.iter().map(|(name, _)| *name).collect();
                Err(Failure::usage(format!(
                    "{}: there is no setting `{unknown}`; there are {}, and the tables `{KAFKA_CLIENT}`, \
                     `{CHECKPOINT_STORE}` and `{OIDC_ROLES}`",
                    file.display(),
                    known.join(", ")
                )))
            },
        }
    }

    /// The text of a setting.
    pub(crate) fn get(&self, setting: &str) -> Option<&str> {
        self.values.get(setting).map(|(text, _)| text.as_str())
    }

    /// Where a setting's text comes from.
    pub(crate) fn source(&self, setting: &str) -> &Source {
        self.values.get(setting).map_or(&Source::Default, |(_, source)| source)
    }

    /// Settings for the Kafka client, passed on as they are.
    pub(crate) fn kafka_client(&self) -> &BTreeMap<String, String> {
        &self.kafka_client
    }

    /// Settings for the client of the bucket for checkpoints, passed on as they are.
    pub(crate) fn checkpoint_store(&self) -> &BTreeMap<String, String> {
        &self.checkpoint_store
    }

    /// Which values of the role claim of a login give which role.
    pub(crate) fn oidc_roles(&self) -> &BTreeMap<String, String> {
        &self.oidc_roles
    }

    /// All settings with text and source, secrets masked.
    pub(crate) fn show(&self) -> Vec<(String, String, String)> {
        let own = self.values.iter().map(|(setting, (text, source))| {
            let text = if *setting == "database" { mask_password(text) } else { text.clone() };
            ((*setting).to_owned(), text, source.to_string())
        });
        let tables = [(KAFKA_CLIENT, &self.kafka_client), (CHECKPOINT_STORE, &self.checkpoint_store)];
        let passed_on = tables.into_iter().flat_map(|(table, entries)| {
            entries.iter().map(move |(key, value)| {
                (format!("{table}.{key}"), mask(key, value).to_owned(), "file".to_owned())
            })
        });
        let role = |(value, role): (&String, &String)| {
            (format!("{OIDC_ROLES}.{value}"), role.clone(), "file".to_owned())
        };
        own.chain(passed_on).chain(self.oidc_roles.iter().map(role)).collect()
    }
}

/// Fills in the topics' names, which follow from the deployment's, and the place for checkpoints, which follows from
/// the data folder.
fn with_names(mut values: Values) -> Values {
    let data = values.get("data").map(|(text, _)| text.clone()).unwrap_or_default();
    if let Some((text, _)) = values.get_mut("checkpoints").filter(|(text, _)| text.is_empty()) {
        *text = format!("{}/checkpoints", data.trim_end_matches('/'));
    }
    let app = values.get("app").map(|(text, _)| text.clone()).unwrap_or_default();
    let names = Topics::of(&app);
    for (setting, name) in [
        ("topics.events", names.events),
        ("topics.controls", names.controls),
        ("topics.alerts", names.alerts),
        ("topics.alerts-shadow", names.alerts_shadow),
        ("topics.changelog", names.changelog),
        ("topics.dead-letters", names.dead_letters),
        ("topics.late", names.late),
        ("router.dead-letters", format!("{app}.router-dead-letters")),
    ] {
        if let Some((text, _)) = values.get_mut(setting).filter(|(text, _)| text.is_empty()) {
            *text = name;
        }
    }
    values
}

/// Hides the password in a URL.
fn mask_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://***@{rest}"),
        _ => url.to_owned(),
    }
}

/// Hides what may be a secret.
fn mask<'a>(key: &str, value: &'a str) -> &'a str {
    let secret = ["password", "secret", "token", "jaas", "pem", "key"].iter().any(|word| key.contains(word));
    if secret && !key.ends_with(".location") { "***" } else { value }
}

fn flag<'a>(flags: &'a SettingFlags, setting: &str) -> Option<&'a String> {
    match setting {
        "app" => flags.app.as_ref(),
        "data" => flags.data.as_ref(),
        "listen" => flags.listen.as_ref(),
        "worker-listen" => flags.worker_listen.as_ref(),
        "tls-proxy" => flags.tls_proxy.as_ref(),
        "database" => flags.database.as_ref(),
        "kafka" => flags.kafka.as_ref(),
        "partitions" => flags.partitions.as_ref(),
        "customer-groups-max" => flags.customer_groups_max.as_ref(),
        "name" => flags.name.as_ref(),
        "checkpoints" => flags.checkpoints.as_ref(),
        "log" => flags.log.as_ref(),
        "log-format" => flags.log_format.as_ref(),
        "archive" => flags.archive.as_ref(),
        "archive-flush-seconds" => flags.archive_flush_seconds.as_ref(),
        "archive-keep-days" => flags.archive_keep_days.as_ref(),
        "router.input" => flags.router.input.as_ref(),
        "router.customer" => flags.router.customer.as_ref(),
        "router.payload" => flags.router.payload.as_ref(),
        "router.from" => flags.router.from.as_ref(),
        _ => None,
    }
}

/// The file's entries by dotted name; empty if there is no file and none was named.
fn read_file(named: Option<&Path>) -> Result<(PathBuf, BTreeMap<String, String>), Failure> {
    let path = named.map_or_else(|| PathBuf::from("tocsin.toml"), Path::to_owned);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", path.display()))),
    };
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.to_string().trim_end())))?;
    let mut entries = BTreeMap::new();
    flatten("", &table, &mut entries).map_err(|key| {
        Failure::usage(format!("{}: `{key}` must be a text, a number or true/false", path.display()))
    })?;
    Ok((path, entries))
}

/// Joins the names of nested tables with dots. Answers the name of a value that is no scalar.
fn flatten(prefix: &str, table: &toml::Table, entries: &mut BTreeMap<String, String>) -> Result<(), String> {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, entries)?,
            toml::Value::String(text) => drop(entries.insert(name, text.clone())),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                entries.insert(name, value.to_string());
            },
            toml::Value::Datetime(_) | toml::Value::Array(_) => return Err(name),
        }
    }
    Ok(())
}

/// Takes the entries of a table that is passed on out. A value `file:PATH` is the content of that file, so that secrets need
/// not stand in the settings.
fn take_table(
    table: &str,
    entries: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let prefix = format!("{table}.");
    let keys: Vec<String> = entries.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
    let mut client = BTreeMap::new();
    for key in keys {
        let value = entries.remove(&key).unwrap_or_default();
        let value = match value.strip_prefix("file:") {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{key}: {path}: {error}")))?
                .trim_end()
                .to_owned(),
            None => value,
        };
        client.insert(key.strip_prefix(&prefix).unwrap_or(&key).to_owned(), value);
    }
    Ok(client)
}
