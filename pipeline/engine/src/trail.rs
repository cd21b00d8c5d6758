//! Trails: the events behind a value, and who or what they are about. Kept for alerts, never judged.

use serde::{Deserialize, Serialize};

use crate::stream::{Offset, Timestamp};

/// The most entities that an alert tells.
pub const ENTITIES_MAX: usize = 100;

/// An event that contributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witness {
    /// When it happened.
    pub(crate) time: Timestamp,
    /// Where it stands in its partition.
    pub(crate) offset: Offset,
    /// Its own id, where the rule names one.
    pub(crate) event_id: Option<String>,
    /// Its payload as JSON, where the rule asks for it.
    pub(crate) payload: Option<String>,
}

/// An entity of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    /// Which of the rule's entities.
    pub(crate) of: u8,
    /// Its id as JSON.
    pub(crate) id: String,
    /// Its name for people as JSON.
    pub(crate) display: Option<String>,
}

/// The latest events and the entities of many.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// In the order in which they came.
    pub(crate) witnesses: Vec<Witness>,
    /// Each once, with the greatest time at which an event named it.
    pub(crate) entities: Vec<(Timestamp, Named)>,
}

impl Trail {
    /// Adds an event that has just come, and keeps the latest ones.
    pub(crate) fn add(&mut self, witness: Option<Witness>, max: usize) {
        self.witnesses.extend(witness);
        let too_many = self.witnesses.len().saturating_sub(max);
        self.witnesses.drain(..too_many);
    }

    /// Adds the entities of an event.
    pub(crate) fn name(&mut self, time: Timestamp, entities: &[Named]) {
        for entity in entities {
            let same =
                |(_, known): &&mut (Timestamp, Named)| (known.of, &known.id) == (entity.of, &entity.id);
            if let Some((known, _)) = self.entities.iter_mut().find(same) {
                *known = time.max(*known);
            } else if self.entities.len() < ENTITIES_MAX {
                self.entities.push((time, entity.clone()));
            }
        }
    }

    /// Joins two trails.
    pub(crate) fn join(&mut self, other: Self, max: usize) {
        self.witnesses.extend(other.witnesses);
        self.witnesses.sort_by_key(|witness| witness.offset);
        self.add(None, max);
        for (time, entity) in other.entities {
            self.name(time, &[entity]);
        }
    }

    /// The part of it within a span of time.
    pub(crate) fn between(&self, after: Timestamp, to: Timestamp) -> Self {
        let inside = |time: Timestamp| after < time && time <= to;
        Self {
            witnesses: self.witnesses.iter().filter(|witness| inside(witness.time)).cloned().collect(),
            entities: self.entities.iter().filter(|(time, _)| inside(*time)).cloned().collect(),
        }
    }

    /// Forgets what happened before a time.
    pub(crate) fn forget(&mut self, until: Timestamp) {
        self.entities.retain(|(time, _)| *time > until);
    }
}
