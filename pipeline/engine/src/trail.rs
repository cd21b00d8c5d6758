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

/// Where an event stands among the others: by time, then by its place in the log.
pub(crate) type Place = (Timestamp, Offset);

/// The latest events and the entities of many.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// By time and place.
    pub(crate) witnesses: Vec<Witness>,
    /// Each once, with the place of the latest event that named it.
    pub(crate) entities: Vec<(Place, Named)>,
}

impl Trail {
    /// Adds an event, and keeps the latest ones by time and place.
    pub(crate) fn add(&mut self, witness: Option<Witness>, max: usize) {
        if let Some(witness) = witness {
            let order = |witness: &Witness| (witness.time, witness.offset);
            let at = self.witnesses.partition_point(|known| order(known) <= order(&witness));
            // An event is there once, whatever it did.
            if at == 0 || order(&self.witnesses[at - 1]) != order(&witness) {
                self.witnesses.insert(at, witness);
            }
        }
        let too_many = self.witnesses.len().saturating_sub(max);
        self.witnesses.drain(..too_many);
    }

    /// Adds the entities of an event; of names for people the latest counts.
    pub(crate) fn name(&mut self, place: Place, entities: &[Named]) {
        for entity in entities {
            let same = |(_, known): &&mut (Place, Named)| known.is(entity);
            if let Some((known, named)) = self.entities.iter_mut().find(same) {
                if place >= *known {
                    (*known, *named) = (place, entity.clone());
                }
            } else if self.entities.len() < ENTITIES_MAX {
                self.entities.push((place, entity.clone()));
            }
        }
    }

    /// Joins two trails.
    pub(crate) fn join(&mut self, other: &Self, max: usize) {
        for witness in &other.witnesses {
            self.add(Some(witness.clone()), max);
        }
        for (place, entity) in &other.entities {
            self.name(*place, std::slice::from_ref(entity));
        }
    }

    /// The part of it after a time.
    pub(crate) fn after(&self, time: Timestamp) -> Self {
        let mut part = self.clone();
        part.forget(time);
        part
    }

    /// Forgets what happened up to a time.
    pub(crate) fn forget(&mut self, until: Timestamp) {
        self.witnesses.retain(|witness| witness.time > until);
        self.entities.retain(|((time, _), _)| *time > until);
    }
}

impl Named {
    /// Whether both are the same entity, whatever people call it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.of, &self.id) == (other.of, &other.id)
    }
}
