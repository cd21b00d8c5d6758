//! The long, meaningless part of events: made once per run from the seed, or read from a file, and kept escaped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::event::escape;
use crate::failure::usage;
use crate::splitmix::SplitMix;

/// How many different bodies are made.
const POOL: usize = 128;
/// How much of a file is read at most.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The fields that the writer sets itself.
const OWN_FIELDS: [&str; 5] = ["id", "sequence", "actor", "action", "probes"];

const WORDS: [&str; 16] = [
    "quarterly",
    "report",
    "draft",
    "invoice",
    "roadmap",
    "budget",
    "review",
    "design",
    "contract",
    "notes",
    "plan",
    "archive",
    "Zürich",
    "release",
    "\"final\"",
    "incident",
];
const REGIONS: [&str; 5] = ["eu-west-1", "eu-central-1", "us-east-1", "ap-south-1", "sa-east-1"];
const KINDS: [&str; 4] = ["document", "folder", "member", "token"];

/// A pool of escaped event tails, each from the comma after the writer's own fields to the closing brace.
#[derive(Debug)]
pub(crate) struct Bodies(Vec<String>);

impl Bodies {
    /// Makes or reads the bodies that `--workload` names.
    pub(crate) fn named(workload: &str, seed: u64) -> Result<Self> {
        match workload {
            "audit" => Ok(Self::made(seed, audit)),
            "webhook" => Ok(Self::made(seed, webhook)),
            path => Self::read(Path::new(path)),
        }
    }

    /// One of them, by chance.
    pub(crate) fn pick(&self, chance: &mut SplitMix) -> &str {
        &self.0[chance.index(self.0.len())]
    }

    fn made(seed: u64, make: fn(&mut SplitMix) -> Value) -> Self {
        // Another stream than those of the events, which use the seed as it is.
        let mut chance = SplitMix::new(!seed);
        Self((0..POOL).map(|_| tail(make(&mut chance))).collect())
    }

    fn read(path: &Path) -> Result<Self> {
        let named =
            || format!("the workload `{}` is neither `audit`, `webhook` nor a readable file", path.display());
        let file = File::open(path).map_err(|error| usage(format!("{}: {error}", named())))?;
        let mut bodies = Vec::new();
        for (number, line) in (1..).zip(BufReader::new(file.take(FILE_BYTES_MAX)).lines()) {
            let line = line.with_context(named)?;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value.is_object() => bodies.push(tail(value)),
                Ok(_) => {
                    return Err(usage(format!("{} line {number} is not a JSON object", path.display())));
                },
                Err(error) => return Err(usage(format!("{} line {number}: {error}", path.display()))),
            }
        }
        if bodies.is_empty() {
            return Err(usage(format!("{} has no events", path.display())));
        }
        Ok(Self(bodies))
    }
}

/// The escaped rest of an object after the writer's own fields, which are taken out of it.
fn tail(value: Value) -> String {
    let mut fields = match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    fields.retain(|name, _| !OWN_FIELDS.contains(&name.as_str()));
    if fields.is_empty() {
        return "}".to_owned();
    }
    let text = Value::Object(fields).to_string();
    let mut tail = String::from(",");
    escape(text.strip_prefix('{').expect("an object begins with a brace"), &mut tail);
    tail
}

/// Some words in a row.
fn words(chance: &mut SplitMix, count: usize) -> String {
    (0..count).map(|_| chance.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

/// What an audit log says beside who and what: about 0.5 KB.
fn audit(chance: &mut SplitMix) -> Value {
    let kind = chance.pick(&KINDS);
    json!({
        "createdAt": format!("2026-03-{:02}T{:02}:15:27Z", 1 + chance.below(28), chance.below(24)),
        "target": {
            "type": kind,
            "id": format!("{kind}-{}", chance.below(1_000_000)),
            "title": words(chance, 3),
            "public": chance.below(4) == 0,
            "path": ["workspace", chance.pick(&WORDS), chance.pick(&WORDS)],
        },
        "context": {
            "ip": format!("198.51.100.{}", chance.below(256)),
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
            "session": format!("{:016x}", chance.next()),
            "geo": {"region": chance.pick(&REGIONS), "score": chance.below(100)},
        },
        "changes": [{"field": "visibility", "before": null, "after": "anyone"}],
        "tags": [chance.pick(&WORDS), chance.pick(&WORDS)],
    })
}

/// What a code host's webhook says: about 9.7 KB.
fn webhook(chance: &mut SplitMix) -> Value {
    let name = format!("{}-{}", chance.pick(&["api", "web", "infra", "mobile"]), chance.below(100));
    let base = format!("https://code.example.com/repos/acme/{name}");
    let mut repository = json!({
        "id": chance.below(1_000_000_000), "name": name, "private": chance.below(2) == 0, "description": words(chance, 12),
        "owner": {"login": "acme", "id": 9_919, "type": "Organization", "siteAdmin": false},
        "size": chance.below(100_000), "stars": chance.below(5_000), "language": "Rust", "license": null,
        "topics": [chance.pick(&WORDS), chance.pick(&WORDS), chance.pick(&WORDS)],
    });
    let links = [
        "branches",
        "commits",
        "comments",
        "contents",
        "deployments",
        "downloads",
        "events",
        "forks",
        "hooks",
        "issues",
        "keys",
        "labels",
        "languages",
        "merges",
        "milestones",
        "notifications",
        "pulls",
        "releases",
        "stargazers",
        "statuses",
        "subscribers",
        "tags",
        "teams",
        "trees",
    ];
    for link in links {
        repository[format!("{link}Url")] = json!(format!("{base}/{link}{{/id}}"));
    }
    let commits: Vec<Value> = (0..14)
        .map(|_| {
            let id = format!("{:016x}{:016x}", chance.next(), chance.next());
            json!({
                "id": id, "message": words(chance, 14), "distinct": true,
                "timestamp": format!("2026-03-{:02}T08:30:00+02:00", 1 + chance.below(28)),
                "url": format!("{base}/commits/{id}"),
                "author": {"name": "Grace Example", "email": "grace@example.com", "username": "grace"},
                "added": [format!("src/{}.rs", chance.pick(&WORDS))],
                "removed": [],
                "modified": [format!("docs/{}.md", chance.pick(&WORDS)), "Cargo.lock", "Cargo.toml"],
            })
        })
        .collect();
    json!({
        "ref": "refs/heads/main", "before": format!("{:016x}", chance.next()), "forced": false,
        "repository": repository, "commits": commits,
        "organization": {"login": "acme", "description": words(chance, 20)},
        "installation": {"id": chance.below(1_000_000)},
    })
}
