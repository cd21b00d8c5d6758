//! When a group speaks: the fold over its judgements.
//!
//! Reading, once: an episode without `resolve` is over when the rule is armed again, else it stays open. What closes an
//! episode at a judgement emits no `updated` for it.
//! Reading: where `resolve.after` ends an episode, `rearm` is asked at once with the value as it is.
//! Reading, for: waiting begins at a judgement at which the rule is armed and the threshold holds.
//! Reading, cooldown: without `resolve` nothing is ever unresolved, so every record is a `firing`; what the hour withheld
//! counts as the last one too.
//! Reading, every and cooldown: a contribution speaks once, for the oldest of the windows it judges at which the threshold
//! holds. A change by time is no contribution and does not speak.
//! Reading, perWindow: a window without contributions does not fire; a merged session has fired if a part of it has.
//! Reading: only once and cooldown with `resolve` have episodes that close, so past windows of the others always may fire.
//! A past window does not repeat an unresolved cooldown episode.

use rules::{AlertPolicy, Amount, Limits, Mode, Node, Rearm};

use crate::grouping::Group;
use crate::pattern::Place;
use crate::record::{Desk, Episode, Finding};

/// One look at a value or a completion.
#[derive(Debug)]
pub(crate) struct Judgement<'a> {
    /// What was found.
    pub(crate) finding: Finding<'a>,
    /// Whether the threshold holds; always for completions.
    pub(crate) holds: bool,
    /// Whether this is the value as it is now, or one of the past.
    pub(crate) present: bool,
    /// Whether a contribution, a closed window or a completion is judged, or a change by time.
    pub(crate) contribution: bool,
    /// Whether anything was contributed to the window.
    pub(crate) has_contributions: bool,
    /// The entities of a live set.
    pub(crate) members: Vec<Node>,
    /// From where to where a completion reaches.
    pub(crate) reach: Option<(Place, Place)>,
}

/// An alert that is not over.
#[derive(Debug)]
pub(crate) struct Open<'a> {
    episode: Episode,
    members: Vec<Node>,
    /// When it fired, or a contribution came last at which the threshold held.
    held: i64,
    /// When it ends by time.
    pub(crate) resolves_at: Option<i64>,
    /// From where to where the completion behind it reaches.
    pub(crate) reach: Option<(Place, Place)>,
    /// What its last record told.
    pub(crate) told: Finding<'a>,
}

/// What a group remembers.
#[derive(Debug)]
pub(crate) struct Voice<'a> {
    group: Group,
    policy: &'a AlertPolicy,
    threshold: Option<&'a Limits>,
    armed: bool,
    /// The alert that is not over.
    pub(crate) open: Option<Open<'a>>,
    closed_at: Option<i64>,
    /// Since when the threshold holds while the rule waits for it to have held long enough.
    waits_since: Option<i64>,
    last: Option<i64>,
    fired: Vec<(Option<i64>, i64)>,
    /// Whether the event at hand has had its say: it spoke, or ended an episode of once.
    spoke: bool,
    /// The value as it was judged last.
    pub(crate) value: Option<Amount>,
    /// Whether the threshold held then, of something that was contributed.
    pub(crate) held: bool,
}

impl<'a> Voice<'a> {
    /// Of a group that nothing has happened to.
    pub(crate) fn new(group: Group, policy: &'a AlertPolicy, threshold: Option<&'a Limits>) -> Self {
        Self {
            group,
            policy,
            threshold,
            armed: true,
            open: None,
            closed_at: None,
            waits_since: None,
            last: None,
            fired: Vec::new(),
            spoke: false,
            value: None,
            held: false,
        }
    }

    /// Goes on under another policy and threshold.
    pub(crate) fn edit(&mut self, policy: &'a AlertPolicy, threshold: Option<&'a Limits>, now: i64) {
        (self.policy, self.threshold) = (policy, threshold);
        if !crate::edit::keeps_open(policy) {
            self.open = None;
        }
        self.armed |= policy.mode != Mode::Once;
        self.waits_since = match (policy.hold, self.waits_since) {
            (Some(hold), Some(since)) => Some(since.max(now - hold.as_i64())),
            (None, _) | (_, None) => None,
        };
        if let Some(open) = &mut self.open {
            open.resolves_at = policy.after(open.held).map(|at| at.max(now));
        }
    }

    /// Whether it may fire, and no alert is open.
    pub(crate) fn is_ready(&self) -> bool {
        self.armed && self.open.is_none()
    }

    /// Begins with the next event or timer.
    pub(crate) fn begin(&mut self) {
        self.spoke = false;
    }

    /// When the threshold will have held long enough.
    pub(crate) fn held_at(&self) -> Option<i64> {
        Some(self.waits_since? + self.policy.hold?.as_i64())
    }

    /// Judges.
    pub(crate) fn judge(&mut self, judgement: &Judgement<'a>, desk: &mut Desk<'_>) {
        if judgement.present {
            self.value = judgement.finding.value;
            self.held = judgement.holds && (judgement.reach.is_some() || judgement.has_contributions);
            self.look(judgement, desk);
        }
        if judgement.holds && self.policy.hold.is_none() {
            self.fire(judgement, desk);
        }
    }

    /// What only the present decides: resolve, rearm, updates of a live set, `resolve.after`, `for`.
    fn look(&mut self, judgement: &Judgement<'a>, desk: &mut Desk<'_>) {
        let resolve = self.policy.resolve.as_ref();
        let value = judgement.finding.value;
        if resolve.and_then(|resolve| resolve.limits.as_ref()).is_some_and(|limits| met(limits, value)) {
            self.resolve(&judgement.finding, desk);
        }
        self.rearm(value, desk.now);
        if let Some(open) = &mut self.open {
            if self.policy.mode == Mode::Once && open.members != judgement.members {
                open.members.clone_from(&judgement.members);
                open.told = judgement.finding.clone();
                desk.update(&mut open.episode, &self.group, &judgement.finding);
            }
            if judgement.holds && judgement.contribution {
                open.held = desk.now;
                open.resolves_at = self.policy.after(desk.now);
            }
        }
        if self.policy.hold.is_some() {
            let waits = self.armed && judgement.holds;
            self.waits_since = if waits { self.waits_since.or(Some(desk.now)) } else { None };
        }
    }

    /// Arms the rule again if it may be.
    pub(crate) fn rearm(&mut self, value: Option<Amount>, now: i64) {
        let Some(rearm) = &self.policy.rearm else { return };
        let holds = match rearm {
            Rearm::Limits(limits) => met(limits, value),
            Rearm::ThresholdFails => {
                !self.threshold.is_some_and(|limits| value.is_some_and(|value| limits.hold(value)))
            },
        };
        let may = self.policy.resolve.is_none() || self.open.is_none();
        if !self.armed && holds && may {
            self.armed = true;
            if self.open.take().is_some() {
                self.closed_at = Some(now);
            }
        }
    }

    /// Ends the open alert, if there is one.
    pub(crate) fn resolve(&mut self, finding: &Finding<'a>, desk: &mut Desk<'_>) {
        let Some(open) = self.open.take() else { return };
        self.closed_at = Some(desk.now);
        if self.policy.mode == Mode::Once {
            self.spoke = true;
            self.armed = self.policy.rearm.is_none();
        }
        desk.resolve(open.episode, &self.group, finding);
    }

    /// Fires if the mode lets it; the threshold holds.
    pub(crate) fn fire(&mut self, judgement: &Judgement<'a>, desk: &mut Desk<'_>) {
        let finding = &judgement.finding;
        let speaks = judgement.contribution && !self.spoke;
        let is_new = judgement.present || self.closed_at.is_none_or(|closed| closed < finding.end);
        match self.policy.mode {
            Mode::Once => {
                if self.armed && is_new && !self.spoke {
                    self.armed = false;
                    self.waits_since = None;
                    self.open(judgement, desk);
                }
            },
            Mode::Every => {
                if speaks {
                    self.spoke = true;
                    desk.open(&self.group, finding);
                }
            },
            Mode::Cooldown(span) => {
                let is_over = self.last.is_none_or(|last| last + span.as_i64() <= desk.now);
                if !speaks || !is_over || !is_new || (!judgement.present && self.open.is_some()) {
                    return;
                }
                self.spoke = true;
                self.last = Some(desk.now);
                match &mut self.open {
                    Some(open) => {
                        open.told = finding.clone();
                        open.reach = judgement.reach;
                        open.members.clone_from(&judgement.members);
                        desk.update(&mut open.episode, &self.group, finding);
                    },
                    None => self.open(judgement, desk),
                }
            },
            Mode::PerWindow => {
                let overlaps = |(start, end): &(Option<i64>, i64)| {
                    finding.start < Some(*end) && *start < Some(finding.end)
                };
                if !finding.behind.is_empty() && !self.fired.iter().any(overlaps) {
                    self.fired.push((finding.start, finding.end));
                    desk.open(&self.group, finding);
                }
            },
        }
    }

    fn open(&mut self, judgement: &Judgement<'a>, desk: &mut Desk<'_>) {
        let episode = desk.open(&self.group, &judgement.finding);
        if self.policy.mode == Mode::Once || self.policy.resolve.is_some() {
            self.open = Some(Open {
                episode,
                members: judgement.members.clone(),
                held: desk.now,
                resolves_at: self.policy.after(desk.now),
                reach: judgement.reach,
                told: judgement.finding.clone(),
            });
        }
    }
}

/// `resolve.after` of a policy, from now on.
trait After {
    fn after(&self, now: i64) -> Option<i64>;
}

impl After for AlertPolicy {
    fn after(&self, now: i64) -> Option<i64> {
        Some(now + self.resolve.as_ref()?.after?.as_i64())
    }
}

/// No value satisfies every rearm and resolve.
fn met(limits: &Limits, value: Option<Amount>) -> bool {
    value.is_none_or(|value| limits.hold(value))
}
