//! A partition's share of the router's work: how far it has come, and what waits for the next commit.

use bytes::Bytes;
use engine::{DeadLetter, Input, Offset, Partition, Refusal, Timestamp};
use ports::{Committed, Outgoing, Position};

use super::RouterSettings;
use super::mapping::Routed;
use crate::outgoing::{self, Source};

/// What a record costs in memory beside its bytes, about.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// Uncommitted work of one input partition.
pub(super) struct Share {
    committed: Position,
    next: Offset,
    records: Vec<Outgoing>,
    bytes: usize,
    touched: bool,
}

impl Share {
    /// Goes on from what the group has committed. A position that operators have set has no metadata of ours, and serves
    /// as well: there is no state that must fit it.
    pub(super) fn resume(settings: &RouterSettings, committed: Committed) -> Self {
        let known = committed.metadata.parse::<Position>().ok();
        let epoch =
            known.filter(|position| position.app == settings.group).map_or(0, |position| position.epoch);
        Self::at(settings, committed.next, epoch, false)
    }

    /// Begins at an offset, which is to be committed.
    pub(super) fn begin(settings: &RouterSettings, next: Offset) -> Self {
        Self::at(settings, next, 0, true)
    }

    fn at(settings: &RouterSettings, next: Offset, epoch: u64, touched: bool) -> Self {
        let committed = Position {
            app: settings.group.clone(),
            timeline: 1,
            epoch,
            next,
            // There is no changelog, no rule and no clock here; the form is that of all positions, so that whoever takes
            // over finds the writer whose transaction may be open.
            changelog: Offset(0),
            control: Offset(0),
            clock: Timestamp(0),
            writer: format!("{}.{}", settings.group, settings.name),
        };
        Self { committed, next, records: Vec::new(), bytes: 0, touched }
    }

    /// The offset of the next record to be routed.
    pub(super) fn next(&self) -> Offset {
        self.next
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_touched(&self) -> bool {
        self.touched
    }

    pub(super) fn records(&self) -> &[Outgoing] {
        &self.records
    }

    /// Adds an event. It keeps its record's timestamp, and its key decides about its partition.
    pub(super) fn event(&mut self, settings: &RouterSettings, input: &Input, (customer, value): Routed) {
        self.emit(
            input.offset,
            Outgoing {
                topic: settings.events.clone(),
                partition: None,
                timestamp: Some(input.timestamp),
                key: Some(customer.to_string().into()),
                value: Some(value),
                headers: Vec::new(),
            },
        );
    }

    /// Adds a record that cannot be an event, to partition `home` of the dead letters.
    pub(super) fn dead_letter(
        &mut self,
        settings: &RouterSettings,
        partition: Partition,
        home: Partition,
        input: Input,
        refusal: Refusal,
    ) {
        let source = Source { topic: &settings.input, partition };
        let letter = DeadLetter {
            reason: refusal.reason,
            detail: refusal.detail,
            offset: input.offset,
            timestamp: input.timestamp,
            key: input.key,
            value: input.value,
        };
        let record = outgoing::dead_letter(&settings.dead_letters, home, &source, &letter);
        self.emit(letter.offset, record);
    }

    fn emit(&mut self, offset: Offset, record: Outgoing) {
        self.next = offset.next();
        self.touched = true;
        self.bytes += record.value.as_ref().map_or(0, Bytes::len) + RECORD_OVERHEAD_BYTES;
        self.records.push(record);
    }

    /// The position that a commit would reach.
    pub(super) fn reached(&self) -> Position {
        Position { epoch: self.committed.epoch + 1, next: self.next, ..self.committed.clone() }
    }

    /// Takes over what was committed.
    pub(super) fn settle(&mut self, position: Position) {
        self.committed = position;
        self.records.clear();
        (self.bytes, self.touched) = (0, false);
    }
}
