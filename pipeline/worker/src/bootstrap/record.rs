//! What a partition stores about its newcomers: enough to go on after a crash.

use std::sync::Arc;

use bytes::Bytes;
use engine::{Key, Newcomer, Offset, Table, Timestamp, Write};
use ports::{Error, ErrorKind, Result, Store};
use rules::{ActiveRule, Generation, RuleKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The key in `meta` of the record.
const KEY: Key = Bytes::from_static(b"bootstrap");

/// The key in `meta` of how far the job has come, which changes often.
const PHASE: Key = Bytes::from_static(b"bootstrap-phase");

/// The version of the stored form.
const FORMAT: u32 = 1;

/// The newcomers of a partition.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Rules that are known and not yet folded.
    pub(super) waiting: Vec<Waiting>,
    /// The rules that are being filled, together.
    pub(super) job: Option<Job>,
}

/// A rule that is known and not yet folded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) key: RuleKey,
    pub(super) generation: Generation,
    /// The partition's position when it became known.
    pub(super) known_at: Offset,
}

/// Rules that are being filled together.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) newcomers: Vec<Newcomer>,
    /// Records before this are folded.
    pub(super) until: Offset,
    /// When it was begun.
    pub(super) started: Timestamp,
    pub(super) phase: Phase,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Nothing is to be seen of it yet.
    Folding,
    /// What it came to is being copied.
    Copying {
        /// What that is.
        digest: u64,
        /// The last entry that was copied: its table, by place, and its key.
        copied: Option<(u8, Vec<u8>)>,
        /// How many alerts were told.
        told: u64,
    },
    /// The newcomers follow the live stream.
    Chasing {
        /// The next event for them.
        next: Offset,
    },
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    waiting: Vec<Waiting>,
    job: Option<StoredJob>,
}

#[derive(Serialize, Deserialize)]
struct StoredJob {
    newcomers: Vec<StoredNewcomer>,
    until: Offset,
    started: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredNewcomer {
    key: RuleKey,
    rule: Box<RawValue>,
    known_at: Offset,
    since: Option<i64>,
}

impl Record {
    pub(super) fn load(store: &dyn Store) -> Result<Self> {
        let mut found = store.get_many(Table::Meta, &[KEY, PHASE])?.into_iter();
        match (found.next().flatten(), found.next().flatten()) {
            (Some(record), phase) => Self::read(&record, phase.as_deref()),
            (None, _) => Ok(Self::default()),
        }
    }

    /// The generations of all newcomers.
    pub(super) fn generations(&self) -> impl Iterator<Item = Generation> {
        let waiting = self.waiting.iter().map(|waiting| waiting.generation);
        let newcomers = self.job.iter().flat_map(|job| &job.newcomers);
        waiting.chain(newcomers.map(|newcomer| newcomer.active.generation))
    }

    /// The change that stores it.
    pub(super) fn write(&self) -> Write {
        let table = Table::Meta;
        if self.waiting.is_empty() && self.job.is_none() {
            return Write::Delete { table, key: KEY };
        }
        let newcomer = |newcomer: &Newcomer| StoredNewcomer {
            key: newcomer.active.rule.key,
            rule: serde_json::from_slice(&newcomer.active.to_bytes()).expect("a rule is stored as JSON"),
            known_at: newcomer.known_at,
            since: newcomer.since.map(|since| since.0),
        };
        let job = |job: &Job| StoredJob {
            newcomers: job.newcomers.iter().map(newcomer).collect(),
            until: job.until,
            started: job.started.0,
        };
        let stored =
            Stored { format: FORMAT, waiting: self.waiting.clone(), job: self.job.as_ref().map(job) };
        let value = serde_json::to_vec(&stored).expect("numbers and texts are JSON");
        Write::Put { table, key: KEY, value: value.into() }
    }

    /// The change that stores how far the job has come.
    pub(super) fn write_phase(&self) -> Write {
        let table = Table::Meta;
        match &self.job {
            Some(job) => {
                let value = serde_json::to_vec(&job.phase).expect("numbers and texts are JSON");
                Write::Put { table, key: PHASE, value: value.into() }
            },
            None => Write::Delete { table, key: PHASE },
        }
    }

    fn read(bytes: &[u8], phase: Option<&[u8]>) -> Result<Self> {
        let corrupt = |problem: String| {
            Error::new(ErrorKind::Corrupt, format!("the record of new rules cannot be read: {problem}"))
        };
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(corrupt(format!("its format is {}, this version reads {FORMAT}", stored.format)));
        }
        let phase =
            phase.map(serde_json::from_slice).transpose().map_err(|error| corrupt(error.to_string()))?;
        let newcomer = |stored: StoredNewcomer| {
            let active = ActiveRule::from_bytes(stored.key, stored.rule.get().as_bytes());
            active.map(|active| Newcomer {
                active: Arc::new(active),
                known_at: stored.known_at,
                since: stored.since.map(Timestamp),
            })
        };
        let job = |job: StoredJob| {
            let newcomers: std::result::Result<Vec<_>, _> = job.newcomers.into_iter().map(newcomer).collect();
            newcomers.map(|newcomers| Job {
                newcomers,
                until: job.until,
                started: Timestamp(job.started),
                phase: phase.unwrap_or(Phase::Folding),
            })
        };
        let job = stored.job.map(job).transpose().map_err(|entry| corrupt(entry.to_string()))?;
        Ok(Self { waiting: stored.waiting, job })
    }
}
