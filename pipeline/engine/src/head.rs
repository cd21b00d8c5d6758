//! Heads: what is known of a group at once, without looking at its windows or events.

use rules::Amount;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bucket::Bucket;
use crate::evaluate::Progress;
use crate::key::TimerKind;
use crate::stream::Timestamp;
use crate::trail::{Named, Witness};

/// The state of one group of one rule of one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The group, as its text.
    pub(crate) group: String,
    /// The present value: of all time, or of a sliding window.
    pub(crate) present: Bucket,
    /// Contributions up to this time have left the sliding window.
    pub(crate) expired: Timestamp,
    /// The window of the present, by the time of its bucket's key, if it has contributions.
    pub(crate) window: Option<Timestamp>,
    /// Events of a pattern up to this time and position are used up.
    pub(crate) consumed: Option<(Timestamp, u64)>,
    pub(crate) steps: StepsKept,
    pub(crate) policy: PolicyState,
    pub(crate) timers: Timers,
    /// By which rule it was judged last: the version since which that one judges as it does.
    pub(crate) judged_under: u32,
}

/// What is known of the events of a pattern that are kept, without looking at them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StepsKept {
    /// How many there are.
    pub(crate) count: u32,
    /// How many of them serve each step.
    pub(crate) serving: Vec<u32>,
    /// The place of the last one that came in order.
    pub(crate) latest: Option<(Timestamp, u64)>,
    /// Of absence: the first start without an end that is not concluded.
    pub(crate) open: Option<(Timestamp, u64)>,
    /// Of the other patterns: how far they have come.
    pub(crate) progress: Progress,
}

/// When a group's timers are due, as they stand in the table of timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    pub(crate) change: Option<Due>,
    pub(crate) hold: Option<Due>,
    pub(crate) resolve: Option<Due>,
}

impl Timers {
    /// Those that are set, and when each is due.
    pub(crate) fn all(self) -> impl Iterator<Item = (TimerKind, Timestamp)> {
        let each = [
            (TimerKind::Change, self.change),
            (TimerKind::Hold, self.hold),
            (TimerKind::Resolve, self.resolve),
        ];
        each.into_iter().filter_map(|(kind, due)| Some((kind, due?.due)))
    }
}

/// A moment, and when it is acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Due {
    /// What the timer is about.
    pub(crate) at: Timestamp,
    /// The clock at which it fires: later than `at` where it waits for late events.
    pub(crate) due: Timestamp,
}

/// What an alert policy remembers of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyState {
    /// Whether a rule of mode `once` may fire.
    pub(crate) armed: bool,
    pub(crate) episode: Option<Episode>,
    /// The clock when the last episode closed.
    pub(crate) closed: Option<Timestamp>,
    /// The value that was judged last.
    pub(crate) judged: Option<Amount>,
    /// Whether the threshold held then, of something that was contributed.
    pub(crate) held: bool,
    /// The clock since which an armed rule's threshold has held.
    pub(crate) holds_since: Option<Timestamp>,
    /// The clock of the last firing or update, for `cooldown`.
    pub(crate) spoke: Option<Timestamp>,
    /// The clock of the last opening, and how many there were at it.
    pub(crate) openings: (Timestamp, u32),
}

impl Default for PolicyState {
    fn default() -> Self {
        Self {
            armed: true,
            episode: None,
            closed: None,
            judged: None,
            held: false,
            holds_since: None,
            spoke: None,
            openings: (Timestamp(i64::MIN), 0),
        }
    }
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Episode {
    pub(crate) instance: Uuid,
    /// Whether its firing was withheld; then nothing of it is told.
    pub(crate) silent: bool,
    /// The clock of the firing, or of the last contribution at which the threshold held.
    pub(crate) held: Timestamp,
    /// Of a live set: which members there were when they were told last.
    pub(crate) members: u128,
    /// Of a pattern: the places of its first event and of its completion.
    pub(crate) began: (Timestamp, u64),
    pub(crate) completed: (Timestamp, u64),
    /// What was found last, whether or not it was told.
    pub(crate) told: Told,
    /// What the previous record told: its entities, and its first and last event time.
    pub(crate) entities: Vec<Named>,
    pub(crate) seen: (Timestamp, Timestamp),
}

/// What a record tells beside its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) value: Option<Amount>,
    pub(crate) is_estimate: bool,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Timestamp,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) entities: Vec<Named>,
}

impl Head {
    pub(crate) fn new(group: &str, judged_under: u32) -> Self {
        Self {
            group: group.to_owned(),
            present: Bucket::default(),
            expired: Timestamp(i64::MIN),
            window: None,
            consumed: None,
            steps: StepsKept::default(),
            policy: PolicyState::default(),
            timers: Timers::default(),
            judged_under,
        }
    }
}
