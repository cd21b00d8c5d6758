//! The alert record, and what all records of a rule and customer share: the hour's limit and the ordinals of episodes.
//!
//! Reading: of a suppressed record the window is the hour, and what was seen are the event times of what was withheld; its id is
//! that of an opening of the group `{}` at the hour's end. A group that is refused counts each time.
//! Reading: an hour's records are counted from when the rule limits them.
//! Reading: evidence names topic `events` and partition 0; the payloads of mode `full` are not modelled.
//! Reading: the first record of an episode adds all its entities; entities are sorted by type and id, the display name is
//! that of the latest event, the n-th of an event belongs to its n-th id.

use rules::{Amount, CustomerId, Evaluation, EvidenceMode, Node, Number, Object, Rule, Status, Timestamp};
use uuid::Uuid;

use crate::Event;
use crate::grouping::Group;

const HOUR: i64 = 3_600_000;

/// A value with its window and the events behind it.
#[derive(Debug, Clone)]
pub(crate) struct Finding<'a> {
    /// The value.
    pub(crate) value: Option<Amount>,
    /// The first moment of the window; none for all time.
    pub(crate) start: Option<i64>,
    /// The end of the window.
    pub(crate) end: i64,
    /// When it became true.
    pub(crate) at: i64,
    /// Whether a late event caused it.
    pub(crate) late: bool,
    /// The events behind it with their times, in order.
    pub(crate) behind: Vec<(i64, &'a Event)>,
}

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It began.
    Firing,
    /// It goes on.
    Updated,
    /// It is over.
    Resolved,
}

/// An entity of an alert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    kind: String,
    id: Node,
    display: Option<Node>,
}

/// An alert from its opening on.
#[derive(Debug, Clone)]
pub(crate) struct Episode {
    id: Uuid,
    /// Whether its firing was withheld.
    silent: bool,
    /// The entities of its last record.
    entities: Vec<Named>,
    seen: (i64, i64),
}

/// Writes the records of one rule and customer.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// The rule.
    pub(crate) rule: &'a Rule,
    /// How often it was written.
    pub(crate) version: u32,
    customer: CustomerId,
    /// What the clock shows.
    pub(crate) now: i64,
    /// The timestamp of the record that moved it there.
    pub(crate) ingested: i64,
    hour: i64,
    told: u32,
    withheld: Vec<i64>,
    openings: Vec<(String, i64)>,
    records: Vec<Node>,
}

impl<'a> Desk<'a> {
    /// Of a rule for a customer.
    pub(crate) fn new(rule: &'a Rule, customer: CustomerId) -> Self {
        let (openings, records) = Default::default();
        Self {
            rule,
            version: 1,
            customer,
            now: 0,
            ingested: 0,
            hour: 0,
            told: 0,
            withheld: Vec::new(),
            openings,
            records,
        }
    }

    /// Goes on under another rule.
    pub(crate) fn edit(&mut self, rule: &'a Rule) {
        self.rule = rule;
    }

    /// The records since the last call.
    pub(crate) fn take(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.records)
    }

    /// Opens an episode and writes its firing.
    pub(crate) fn open(&mut self, group: &Group, finding: &Finding<'_>) -> Episode {
        let id = self.instance_id(&group.text());
        let silent = !self.admits(finding.at);
        let mut episode = Episode { id, silent, entities: Vec::new(), seen: (finding.at, finding.at) };
        self.tell(&mut episode, group, finding, State::Firing);
        episode
    }

    /// Writes that an episode goes on.
    ///
    /// Reading: an update that a silent episode keeps back counts as withheld.
    pub(crate) fn update(&mut self, episode: &mut Episode, group: &Group, finding: &Finding<'_>) {
        if episode.silent {
            self.turn();
            self.withheld.push(finding.at);
        } else if self.admits(finding.at) {
            self.tell(episode, group, finding, State::Updated);
        }
    }

    /// Writes that an episode is over.
    pub(crate) fn resolve(&mut self, mut episode: Episode, group: &Group, finding: &Finding<'_>) {
        self.tell(&mut episode, group, finding, State::Resolved);
    }

    /// Counts an event whose group is over the limit.
    pub(crate) fn refuse(&mut self, time: i64) {
        self.turn();
        self.withheld.push(time);
    }

    /// When the hour ends of which something was withheld.
    pub(crate) fn hour_ends(&self) -> Option<i64> {
        (!self.withheld.is_empty()).then_some((self.hour + 1) * HOUR)
    }

    /// Writes how much the hour has withheld.
    pub(crate) fn sum_up(&mut self) {
        let end = (self.hour + 1) * HOUR;
        let withheld = std::mem::take(&mut self.withheld);
        let seen = (withheld.iter().min(), withheld.iter().max());
        let seen = (seen.0.copied().unwrap_or(end), seen.1.copied().unwrap_or(end));
        let id = self.instance_id(&Group::NONE.text());
        let value = Some(Amount::from(withheld.len() as u64));
        let finding =
            Finding { value, start: Some(end - HOUR), end, at: end, late: false, behind: Vec::new() };
        self.record("suppressed", id, &Group::NONE, &finding, seen, [Vec::new(), Vec::new(), Vec::new()]);
    }

    /// Whether the hour has room for a record.
    fn admits(&mut self, at: i64) -> bool {
        self.turn();
        let Some(most) = self.rule.policy.max_per_hour else { return true };
        let room = self.told < most;
        if room {
            self.told += 1;
        } else {
            self.withheld.push(at);
        }
        room
    }

    /// Begins the hour of the clock.
    fn turn(&mut self) {
        let hour = self.now.div_euclid(HOUR);
        if hour != self.hour {
            (self.hour, self.told) = (hour, 0);
        }
    }

    /// The id of the next episode of the group.
    fn instance_id(&mut self, group: &str) -> Uuid {
        let opening = (group.to_owned(), self.now);
        let ordinal = self.openings.iter().filter(|before| **before == opening).count();
        self.openings.push(opening);
        let (alert, customer, now) = (self.rule.key.alert, self.customer, self.now);
        Uuid::new_v5(&alert.uuid(), format!("{customer}\n{alert}\n{group}\n{now}-{ordinal}").as_bytes())
    }

    /// Writes a record of an episode, unless it is silent.
    ///
    /// Reading: where no event is behind the value any more, what was seen is that of the record before.
    fn tell(&mut self, episode: &mut Episode, group: &Group, finding: &Finding<'_>, state: State) {
        if episode.silent {
            return;
        }
        let times = || finding.behind.iter().map(|(time, _)| *time);
        if let (Some(first), Some(last)) = (times().min(), times().max()) {
            episode.seen = (first, last);
        }
        let now = entities(self.rule, &finding.behind);
        let missing = |from: &[Named], of: &[Named]| -> Vec<Named> {
            let known = |entity: &Named| {
                from.iter().any(|other| (&other.kind, &other.id) == (&entity.kind, &entity.id))
            };
            of.iter().filter(|entity| !known(entity)).cloned().collect()
        };
        let added = missing(&episode.entities, &now);
        let removed = missing(&now, &episode.entities);
        episode.entities.clone_from(&now);
        let name = match state {
            State::Firing => "firing",
            State::Updated => "updated",
            State::Resolved => "resolved",
        };
        self.record(name, episode.id, group, finding, episode.seen, [now, added, removed]);
    }

    fn record(
        &mut self,
        state: &str,
        id: Uuid,
        group: &Group,
        finding: &Finding<'_>,
        seen: (i64, i64),
        entities: [Vec<Named>; 3],
    ) {
        let rule = self.rule;
        let [all, added, removed] =
            entities.map(|list| Node::Array(list.iter().map(Named::object).collect()));
        let threshold = rule.threshold_for(self.customer).map_or(Node::Null, |limits| {
            object(
                limits.iter().map(|(comparator, bound)| (comparator.name(), Node::Number(bound.to_number()))),
            )
        });
        let origin = if rule.status_for(self.customer) == Status::Shadow { "shadow" } else { "live" };
        let window = [("start", finding.start.map_or(Node::Null, time)), ("end", time(finding.end))];
        let labels = rule.labels.iter().map(|(name, value)| (name.as_str(), text(value)));
        self.records.push(object([
            ("alertInstanceId", text(&id.to_string())),
            ("customerId", text(&self.customer.to_string())),
            ("alertId", text(&rule.key.alert.to_string())),
            ("alertName", text(&rule.name)),
            ("severity", text(rule.severity_for(self.customer).name())),
            ("ruleVersion", Node::Number(Number::from(i64::from(self.version)))),
            ("state", text(state)),
            ("group", group.object()),
            ("value", finding.value.map_or(Node::Null, |value| Node::Number(value.to_number()))),
            ("threshold", threshold),
            ("window", object(window)),
            ("firstSeen", time(seen.0)),
            ("lastSeen", time(seen.1)),
            ("entities", all),
            ("entitiesAdded", added),
            ("entitiesRemoved", removed),
            ("evidence", evidence(rule, &finding.behind)),
            ("origin", text(origin)),
            ("late", Node::Bool(finding.late)),
            ("eventTime", time(finding.at)),
            ("ingestTime", time(self.ingested)),
            ("labels", object(labels)),
        ]));
    }
}

impl Named {
    fn object(&self) -> Node {
        let display = self.display.clone().map(|display| ("display", display));
        object([("type", text(&self.kind)), ("id", self.id.clone())].into_iter().chain(display))
    }
}

/// What the alert is about: the ids in the events behind it.
fn entities(rule: &Rule, behind: &[(i64, &Event)]) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for (_, event) in behind {
        for entity in &rule.entities {
            let scalars = |path: &rules::Path| -> Vec<Node> {
                path.select(&event.payload).into_iter().filter(|node| is_scalar(node)).cloned().collect()
            };
            let displays = entity.display_path.as_ref().map(scalars).unwrap_or_default();
            for (index, id) in scalars(&entity.id_path).into_iter().enumerate() {
                let display = displays.get(index).cloned();
                let named = Named { kind: entity.kind.clone(), id, display };
                found.retain(|other| (&other.kind, &other.id) != (&named.kind, &named.id));
                found.push(named);
            }
        }
    }
    found.sort_by_key(|named| (named.kind.clone(), named.id.to_string()));
    found
}

fn evidence(rule: &Rule, behind: &[(i64, &Event)]) -> Node {
    if rule.evidence.mode == EvidenceMode::None {
        return Node::Array(Vec::new());
    }
    let most = usize::try_from(rule.evidence.max).unwrap_or(usize::MAX);
    let latest = behind.iter().skip(behind.len().saturating_sub(most));
    let reference = |(_, event): &(i64, &Event)| {
        let id = rule.event_id.as_ref().and_then(|id| id.path.select(&event.payload).first().copied());
        let id = id.filter(|id| is_scalar(id)).map_or(Node::Null, |id| match id {
            Node::String(_) => id.clone(),
            other => text(&other.to_string()),
        });
        let offset = i64::try_from(event.position).unwrap_or(i64::MAX);
        object([
            ("topic", text("events")),
            ("partition", Node::Number(Number::from(0_i64))),
            ("offset", Node::Number(Number::from(offset))),
            ("eventId", id),
        ])
    };
    Node::Array(latest.map(reference).collect())
}

/// Whether a node can be an id.
pub(crate) fn is_scalar(node: &Node) -> bool {
    matches!(node, Node::Bool(_) | Node::Number(_) | Node::String(_))
}

/// Whether the rule's records carry milliseconds instead of a value with a threshold.
pub(crate) fn is_pattern(rule: &Rule) -> bool {
    matches!(rule.evaluation, Evaluation::Pattern(_))
}

fn text(text: &str) -> Node {
    Node::String(text.into())
}

fn time(millis: i64) -> Node {
    text(&Timestamp(millis).to_string())
}

fn object<'n>(members: impl IntoIterator<Item = (&'n str, Node)>) -> Node {
    Node::Object(members.into_iter().map(|(name, value)| (Box::from(name), value)).collect::<Object>())
}
