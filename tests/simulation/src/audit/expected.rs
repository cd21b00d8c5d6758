//! What must come of what workers did on a partition: asks the oracle.

use std::collections::BTreeMap;

use engine::{Offset, Partition, Timestamp};
use oracle::story::{InForce, Step, Told};
use oracle::{Event, story};
use ports::{Record, Topics, header};
use rules::{Command, CommandRecord, CustomerId, EXPECTED_VERSION_HEADER, Node, Payload, RuleBook};

use super::witness::{Deed, Done};
use crate::play::Played;
use crate::scenario::{BAD, GREEDY, VAST};
use crate::{APP, IDLE};

/// What must be there at the end.
pub(crate) struct Expected {
    /// Alerts and groups.
    pub(crate) told: Told,
    /// The events that are dead letters.
    pub(crate) dead: Vec<Offset>,
    /// What is wrong already.
    pub(crate) wrong: Vec<String>,
    /// The rules at the end, by life.
    pub(crate) rules: BTreeMap<u64, InForce>,
}

/// Tells the story of a partition.
pub(crate) fn expected(played: &Played, partition: Partition, deeds: &[Deed]) -> Expected {
    let topics = Topics::of(APP);
    let of = |record: &&Record| record.partition == partition;
    let events: BTreeMap<Offset, &Record> =
        played.records[&topics.events].iter().filter(of).map(|record| (record.offset, record)).collect();
    let mut story = Story {
        played,
        steps: Vec::new(),
        book: RuleBook::default(),
        control: Offset(0),
        ingestion: Timestamp(i64::MIN),
        dead: Vec::new(),
        wrong: Vec::new(),
        next: Offset(0),
    };
    for deed in deeds {
        if deed.control != story.control {
            story.follow_rules(&topics.controls, deed.control);
        }
        match &deed.what {
            Done::Events(offsets) => {
                offsets.iter().for_each(|offset| story.event(&events, *offset, deed.wall));
                story.silence(story.ingestion);
            },
            Done::Silence => {
                story.ingestion = story.ingestion.max(deed.wall);
                story.silence(story.ingestion);
            },
            Done::Commit(said) => {
                if *said != story.ingestion {
                    let known = story.ingestion;
                    story.wrong.push(format!("the ingestion clock is said to be {said}, it is {known}"));
                }
            },
        }
    }
    story.all_is_evaluated(&events);
    story.end()
}

struct Story<'a> {
    played: &'a Played,
    steps: Vec<Step>,
    book: RuleBook,
    control: Offset,
    ingestion: Timestamp,
    dead: Vec<Offset>,
    wrong: Vec<String>,
    next: Offset,
}

impl Story<'_> {
    /// The rules up to a control record are in force.
    fn follow_rules(&mut self, topic: &str, until: Offset) {
        let (from, played) = (self.control, self.played);
        for record in played.records[topic].iter().filter(|at| at.offset >= from && at.offset < until) {
            let read = Command::read(&CommandRecord {
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                expected_version: header(&record.headers, EXPECTED_VERSION_HEADER).map(AsRef::as_ref),
            });
            if let Ok(command) = read {
                self.book.apply(command);
            }
        }
        self.control = until;
        self.silence(self.ingestion);
        self.steps.push(Step::Rules(self.in_force()));
    }

    fn in_force(&self) -> Vec<InForce> {
        let rules = self.book.iter();
        rules
            .map(|active| InForce {
                rule: active.rule.clone(),
                version: active.version.0,
                life: active.generation.0,
                suspended: active.suspended.keys().copied().collect(),
            })
            .collect()
    }

    fn event(&mut self, events: &BTreeMap<Offset, &Record>, offset: Offset, wall: Timestamp) {
        let Some(record) = events.get(&offset) else {
            return self.wrong.push(format!("event {offset} was never written"));
        };
        if let Some((skipped, _)) = events.range(self.next..offset).next() {
            self.wrong.push(format!("event {skipped} was skipped"));
        }
        if offset < self.next {
            self.wrong.push(format!("event {offset} was evaluated twice"));
        }
        self.next = offset.next();
        let before = self.ingestion;
        self.ingestion = before.max(record.timestamp.min(wall));
        if header(&record.headers, BAD).is_some() {
            return self.dead.push(offset);
        }
        self.silence(before);
        let (customer, payload) = read(record);
        let event = Event { customer, payload, timestamp: record.timestamp, position: offset.0 };
        let is_vast = header(&record.headers, VAST).is_some();
        let greedy = self.book.iter().filter(|active| is_vast && active.rule.key.alert == GREEDY);
        let cut = greedy.map(|active| active.generation.0).collect();
        self.steps.push(Step::Event { event, ingestion: self.ingestion, cut });
    }

    /// Customers that sent nothing are silent up to an ingestion clock.
    fn silence(&mut self, ingestion: Timestamp) {
        self.steps.push(Step::Silence { ingestion, idle: i64::try_from(IDLE).unwrap_or(i64::MAX) });
    }

    fn all_is_evaluated(&mut self, events: &BTreeMap<Offset, &Record>) {
        if let Some((left, _)) = events.range(self.next..).next() {
            self.wrong.push(format!("event {left} was never evaluated"));
        }
    }

    fn end(self) -> Expected {
        let told: Told = story::tell(&self.steps);
        let rules = self.in_force().into_iter().map(|rule| (rule.life, rule)).collect();
        Expected { told, dead: self.dead, wrong: self.wrong, rules }
    }
}

/// Customer and payload of an event as the scenario writes them.
fn read(record: &Record) -> (CustomerId, Node) {
    let value = record.value.as_deref().expect("good events have a value");
    let envelope: serde_json::Value = serde_json::from_slice(value).expect("good events are JSON");
    let text = |name: &str| envelope[name].as_str().expect("good events have both").to_owned();
    let customer = text("customerId").parse().expect("good events have a customer");
    let payload = Payload::parse(&text("payload")).expect("good payloads are JSON");
    (customer, payload.root().clone())
}
