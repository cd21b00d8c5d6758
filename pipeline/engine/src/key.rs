//! Keys of state: `hash64(customer) | customer | rule generation | kind | rest`, all big-endian.
//!
//! The customer comes first, so that one customer is one range; the hash before it spreads customers whose ids are
//! alike. The rest of the key of a group's state begins with the hash of the group. The layout is part of the stored
//! format.

use bytes::Bytes;
use rules::{CustomerId, EventTime, Generation, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::scalar::Hash;
use crate::write::Table;

/// The key of a value within a table.
pub type Key = Bytes;

/// What kind of value stands under a key.
#[repr(u8)]
#[derive(Clone, Copy)]
enum Kind {
    /// A clock of a customer; stands under generation 0, which no rule has.
    Clock = 0,
    /// What all rules of a customer share; stands there, too.
    Customer = 1,
    /// What is known of a group.
    Head = 2,
    /// A part of a group's time: a window, or the contributions of one moment.
    Bucket = 3,
    /// An entity or a value of a group, or of one of its windows.
    Member = 4,
    /// An event of a pattern.
    Step = 5,
    /// The id of an event that was applied.
    EventId = 6,
    /// What a rule's groups share.
    Tally = 7,
    /// What stands for a set that is too large.
    Sketch = 8,
    /// When the id of an event is forgotten.
    EventIdEnd = 9,
}

/// Names one definition of event time within a customer; 0 is the record timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClockId(pub u64);

impl ClockId {
    /// The name of a definition.
    pub fn of(event_time: Option<&EventTime>) -> Self {
        event_time.map_or(Self(0), |event_time| {
            let text = format!("{} {}", event_time.format.name(), event_time.path.text());
            Self(xxh3_64(text.as_bytes()).max(1))
        })
    }
}

/// A moment as bytes that sort as moments do.
fn sorted(time: Timestamp) -> [u8; 8] {
    (time.0 ^ i64::MIN).to_be_bytes()
}

/// The moment of [`sorted`] bytes.
fn unsorted(bytes: [u8; 8]) -> Timestamp {
    Timestamp(i64::from_be_bytes(bytes) ^ i64::MIN)
}

fn owner(customer: CustomerId, capacity: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(capacity);
    key.extend_from_slice(&xxh3_64(customer.as_bytes()).to_be_bytes());
    key.extend_from_slice(customer.as_bytes());
    key
}

fn prefix(customer: CustomerId, generation: Generation) -> Vec<u8> {
    let mut key = owner(customer, 80);
    key.extend_from_slice(&generation.0.to_be_bytes());
    key
}

/// The key of one of a customer's clocks.
pub fn clock_key(customer: CustomerId, clock: ClockId) -> Key {
    let mut key = prefix(customer, Generation(0));
    key.push(Kind::Clock as u8);
    key.extend_from_slice(&clock.0.to_be_bytes());
    key.into()
}

/// The key of what all rules of a customer share.
pub(crate) fn customer_key(customer: CustomerId) -> Key {
    let mut key = prefix(customer, Generation(0));
    key.push(Kind::Customer as u8);
    key.into()
}

/// The customer, if a key is that of what all its rules share.
pub(crate) fn shared_by_customer(key: &[u8]) -> Option<CustomerId> {
    let customer = state_owner(key)?;
    (customer_key(customer) == key).then_some(customer)
}

/// The range `[from, to)` of all keys of one rule generation of one customer.
pub fn generation_range(customer: CustomerId, generation: Generation) -> (Key, Key) {
    (prefix(customer, generation).into(), prefix(customer, Generation(generation.0 + 1)).into())
}

/// The customer that a key of the state table belongs to.
pub(crate) fn state_owner(key: &[u8]) -> Option<CustomerId> {
    let (hash, rest) = key.split_at_checked(8)?;
    let customer = CustomerId::from_bytes(*rest.first_chunk()?);
    (xxh3_64(customer.as_bytes()).to_be_bytes() == hash).then_some(customer)
}

/// Behind all keys of the customer of a key, before those of the next one.
pub(crate) fn customers_after(key: &[u8]) -> Key {
    [key.get(..24).unwrap_or(key), &[0xFF; 9]].concat().into()
}

/// Where the state of one rule for one customer stands.
#[derive(Debug, Clone)]
pub(crate) struct RuleKeys {
    prefix: Vec<u8>,
}

impl RuleKeys {
    pub(crate) fn new(customer: CustomerId, generation: Generation) -> Self {
        Self { prefix: prefix(customer, generation) }
    }

    fn key(&self, kind: Kind, parts: &[&[u8]]) -> Key {
        let mut key = self.prefix.clone();
        key.push(kind as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key.into()
    }

    /// The key of an event's id.
    pub(crate) fn event_id(&self, id: &Hash) -> Key {
        self.key(Kind::EventId, &[id])
    }

    /// The key that tells when the id of an event is forgotten; they sort by that.
    pub(crate) fn event_id_end(&self, at: Timestamp, id: &Hash) -> Key {
        self.key(Kind::EventIdEnd, &[&sorted(at), id])
    }

    /// The range of the ids that are forgotten up to a moment.
    pub(crate) fn event_id_ends(&self, until: Timestamp) -> (Key, Key) {
        (self.key(Kind::EventIdEnd, &[]), self.key(Kind::EventIdEnd, &[&sorted(until), &[0xFF; 17]]))
    }

    /// The key of what the rule's groups share.
    pub(crate) fn tally(&self) -> Key {
        self.key(Kind::Tally, &[])
    }

    /// The range of the heads of its groups.
    pub(crate) fn heads(&self) -> (Key, Key) {
        (self.key(Kind::Head, &[]), self.key(Kind::Head, &[&[0xFF; 17]]))
    }

    /// The keys of a group.
    pub(crate) fn group(self, group: Hash) -> GroupKeys {
        GroupKeys { rule: self, group }
    }
}

/// Where the state of one group stands.
#[derive(Debug, Clone)]
pub(crate) struct GroupKeys {
    rule: RuleKeys,
    group: Hash,
}

impl GroupKeys {
    pub(crate) fn head(&self) -> Key {
        self.rule.key(Kind::Head, &[&self.group])
    }

    /// The key of a bucket; buckets sort by their time.
    pub(crate) fn bucket(&self, at: Timestamp) -> Key {
        self.rule.key(Kind::Bucket, &[&self.group, &sorted(at)])
    }

    /// The end of the range of the group's buckets.
    pub(crate) fn buckets_end(&self) -> Key {
        self.rule.key(Kind::Bucket, &[&self.group, &[0xFF; 9]])
    }

    /// The key of a member of the set that belongs to a window.
    pub(crate) fn member(&self, set: u64, member: &Hash) -> Key {
        self.rule.key(Kind::Member, &[&self.group, &set.to_be_bytes(), member])
    }

    /// The key of what stands for a set.
    pub(crate) fn sketch(&self, set: u64) -> Key {
        self.rule.key(Kind::Sketch, &[&self.group, &set.to_be_bytes()])
    }

    /// The range of the members of a set.
    pub(crate) fn members(&self, set: u64) -> (Key, Key) {
        let from = self.rule.key(Kind::Member, &[&self.group, &set.to_be_bytes()]);
        let to = self.rule.key(Kind::Member, &[&self.group, &set.to_be_bytes(), &[0xFF; 17]]);
        (from, to)
    }

    /// The key of an event of a pattern; they sort by time and position.
    pub(crate) fn step(&self, at: Timestamp, position: u64) -> Key {
        self.rule.key(Kind::Step, &[&self.group, &sorted(at), &position.to_be_bytes()])
    }

    /// The end of the range of the group's events.
    pub(crate) fn steps_end(&self) -> Key {
        self.rule.key(Kind::Step, &[&self.group, &[0xFF; 17]])
    }
}

/// Whether a key of the state table is that of a clock.
pub(crate) fn is_clock(key: &[u8]) -> bool {
    key.get(24..33) == Some(&[0, 0, 0, 0, 0, 0, 0, 0, Kind::Clock as u8])
}

/// Whose clock stands under a key of the state table, if one does.
pub(crate) fn clock_of(key: &[u8]) -> Option<(CustomerId, ClockId)> {
    let clock = key.get(33..)?.try_into().ok().filter(|_| is_clock(key))?;
    Some((customer_of(key)?, ClockId(u64::from_be_bytes(clock))))
}

/// Whose state, and of which generation, stands under a key of the state table that is that of a group's head.
pub(crate) fn head_of(key: &[u8]) -> Option<(CustomerId, Generation)> {
    let generation = key.get(24..32)?.try_into().ok().filter(|_| is_head(key))?;
    Some((customer_of(key)?, Generation(u64::from_be_bytes(generation))))
}

/// The generation that a key of the state table belongs to; clocks belong to none.
pub fn generation_of(key: &[u8]) -> Option<Generation> {
    let generation = key.get(24..32)?.try_into().ok()?;
    Some(Generation(u64::from_be_bytes(generation))).filter(|generation| generation.0 > 0)
}

/// Whose timer stands under a key.
pub(crate) fn timer_owner(key: &[u8]) -> Option<CustomerId> {
    customer_of(key)
}

fn customer_of(key: &[u8]) -> Option<CustomerId> {
    Some(CustomerId::from_bytes(key.get(8..24)?.try_into().ok()?))
}

/// Whether a key of the state table is that of a group's head.
pub(crate) fn is_head(key: &[u8]) -> bool {
    key.get(32) == Some(&(Kind::Head as u8))
}

/// The time at the end of a bucket's key.
pub(crate) fn bucket_time(key: &[u8]) -> Option<Timestamp> {
    Some(unsorted(*key.last_chunk()?))
}

/// When the id of an event is forgotten, and the id's hash, from the end of a key.
pub(crate) fn event_id_end(key: &[u8]) -> Option<(Timestamp, Hash)> {
    let (rest, id) = key.split_last_chunk()?;
    Some((unsorted(*rest.last_chunk()?), *id))
}

/// Time and position at the end of a key of a pattern's event.
pub(crate) fn step_place(key: &[u8]) -> Option<(Timestamp, u64)> {
    let (rest, position) = key.split_last_chunk()?;
    Some((unsorted(*rest.last_chunk()?), u64::from_be_bytes(*position)))
}

/// What keys of the index of silent customers begin with; the index stands in the table of the partition's own affairs.
const WAKE: &[u8] = b"wake/";

/// The key of a customer's clock in the index of silent customers, which sorts by the ingestion clock.
pub(crate) fn wake_key(at: Timestamp, customer: CustomerId, clock: ClockId) -> Key {
    [WAKE, &sorted(at), customer.as_bytes(), &clock.0.to_be_bytes()].concat().into()
}

/// The range of those that wake up to an ingestion clock.
pub(crate) fn wakes(until: Timestamp) -> (Key, Key) {
    (Key::from_static(WAKE), [WAKE, &sorted(until), &[0xFF; 25]].concat().into())
}

/// Whose clock an entry of the index is about.
pub(crate) fn woken(key: &[u8]) -> Option<(CustomerId, ClockId)> {
    let (rest, clock) = key.split_last_chunk()?;
    Some((CustomerId::from_bytes(*rest.last_chunk()?), ClockId(u64::from_be_bytes(*clock))))
}

/// The customer that an entry of a table is about; nothing for entries that are the partition's or the deployment's.
pub fn key_owner(table: Table, key: &[u8]) -> Option<CustomerId> {
    match table {
        Table::State | Table::Timers => Some(CustomerId::from_bytes(*key.get(8..)?.first_chunk()?)),
        Table::Meta if key.starts_with(WAKE) => woken(key).map(|(customer, _)| customer),
        Table::Meta | Table::Rules => None,
    }
}

/// What a timer does when it is due. At one moment, those of a group fire in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TimerKind {
    /// An hour's summary is due; stands under no group, before all of them.
    Hour = 0,
    /// The value changes: something expires, a window ends, a deadline passes.
    Change = 1,
    /// The threshold has held for long enough.
    Hold = 2,
    /// An alert is over.
    Resolve = 3,
    /// Ids of events are forgotten; stands under no group, and says nothing.
    Forget = 4,
}

impl TimerKind {
    pub(crate) const ALL: [Self; 5] = [Self::Hour, Self::Change, Self::Hold, Self::Resolve, Self::Forget];
}

/// A timer, as its key tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    /// When it is due.
    pub(crate) due: Timestamp,
    /// The rule's id.
    pub(crate) alert: rules::AlertId,
    /// The group, as its text.
    pub(crate) group: String,
    pub(crate) kind: TimerKind,
    /// Whether the rule is a global one.
    pub(crate) is_global: bool,
    pub(crate) generation: Generation,
}

/// The range of a customer's timers of one clock that are due at or before a moment, in the order in which they fire.
pub(crate) fn timers(customer: CustomerId, clock: ClockId, until: Timestamp) -> (Key, Key) {
    let mut from = owner(customer, 40);
    from.extend_from_slice(&clock.0.to_be_bytes());
    let mut to = from.clone();
    to.extend_from_slice(&sorted(until));
    // Behind every timer of that moment: an alert's id has 16 bytes.
    to.extend_from_slice(&[0xFF; 17]);
    (from.into(), to.into())
}

/// Stands for the customer's own rules in the keys of timers.
const OWN: u8 = 1;

impl Timer {
    /// Rules with the same id fire in the order of their customers.
    fn owner(&self, customer: CustomerId) -> u8 {
        match (self.is_global, CustomerId::GLOBAL < customer) {
            (false, _) => OWN,
            (true, true) => 0,
            (true, false) => 2,
        }
    }

    pub(crate) fn key(&self, customer: CustomerId, clock: ClockId) -> Key {
        let mut key = owner(customer, 80 + self.group.len());
        key.extend_from_slice(&clock.0.to_be_bytes());
        key.extend_from_slice(&sorted(self.due));
        key.extend_from_slice(self.alert.as_bytes());
        key.push(self.owner(customer));
        key.extend_from_slice(self.group.as_bytes());
        // No JSON text holds a NUL.
        key.push(0);
        key.push(self.kind as u8);
        key.extend_from_slice(&self.generation.0.to_be_bytes());
        key.into()
    }

    pub(crate) fn from_key(key: &[u8]) -> Option<Self> {
        let rest = key.get(24 + 8..)?;
        let (due, rest) = rest.split_first_chunk()?;
        let (alert, rest) = rest.split_first_chunk()?;
        let (rest, generation) = rest.split_last_chunk()?;
        let (owner, rest) = rest.split_first()?;
        let (group, [0, kind]) = rest.split_last_chunk()? else { return None };
        Some(Self {
            due: unsorted(*due),
            alert: rules::AlertId::from_bytes(*alert),
            group: std::str::from_utf8(group).ok()?.to_owned(),
            kind: *TimerKind::ALL.get(usize::from(*kind))?,
            is_global: *owner != OWN,
            generation: Generation(u64::from_be_bytes(*generation)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> CustomerId {
        "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34".parse().unwrap()
    }

    /// A change here is a change of the stored format and needs a new format version.
    #[test]
    fn the_layout_is_fixed() {
        let keys = RuleKeys::new(customer(), Generation(258)).group([7; 16]);
        let head = keys.head();
        assert_eq!(head[..8], xxh3_64(customer().as_bytes()).to_be_bytes());
        assert_eq!(head[8..24], *customer().as_bytes());
        assert_eq!(head[24..33], [0, 0, 0, 0, 0, 0, 1, 2, 2]);
        assert_eq!(head[33..], [7; 16]);
        assert_eq!(keys.bucket(Timestamp(-1))[49..], [0x7F, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(keys.step(Timestamp(0), 3)[49..], [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(
            clock_key(customer(), ClockId(1))[24..],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        );
    }

    #[test]
    fn the_range_of_a_generation_holds_its_keys_alone() {
        let (from, to) = generation_range(customer(), Generation(7));
        let inside = |key: Key| from <= key && key < to;
        let tally = |generation| RuleKeys::new(customer(), Generation(generation)).tally();
        assert!(inside(tally(7)) && !inside(tally(6)) && !inside(tally(8)));
        assert!(!inside(clock_key(customer(), ClockId(0))));
    }

    #[test]
    fn timers_sort_by_time_alert_group_and_kind_and_read_back() {
        let timer = |due, alert: u8, group: &str, kind| Timer {
            due: Timestamp(due),
            alert: rules::AlertId::from_bytes([alert; 16]),
            group: group.to_owned(),
            kind,
            is_global: alert == 1,
            generation: Generation(5),
        };
        let all = [
            timer(-5, 9, "", TimerKind::Hour),
            timer(5, 1, "{\"a\":10}", TimerKind::Resolve),
            timer(5, 1, "{\"a\":1}", TimerKind::Change),
            timer(5, 2, "{\"a\":1}", TimerKind::Change),
            timer(5, 2, "{\"a\":1}", TimerKind::Hold),
            timer(6, 0, "{}", TimerKind::Change),
        ];
        let keys: Vec<_> = all.iter().map(|timer| timer.key(customer(), ClockId(3))).collect();
        assert!(keys.is_sorted());
        for (timer, key) in all.iter().zip(&keys) {
            assert_eq!(Timer::from_key(key).as_ref(), Some(timer));
        }
        let (from, to) = timers(customer(), ClockId(3), Timestamp(5));
        let inside: Vec<_> = keys.iter().map(|key| from <= *key && *key < to).collect();
        assert_eq!(inside, [true, true, true, true, true, false]);
    }
}
