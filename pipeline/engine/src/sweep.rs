//! Sweeps: what an edit or a deletion leaves to be done in every group of a rule, in steps of bounded size.
//!
//! How far a sweep has come is state like any other and is committed with what it did, so a crash goes on where the last
//! commit ended. A group that an event or a timer reaches first is judged then, so a sweep changes when the others are
//! judged, and nothing else.

use bytes::Bytes;
use rules::{ActiveRule, AlertId, CustomerId, Generation, RuleKey};
use serde::{Deserialize, Serialize};

use crate::apply::{Context, Effects, Failure};
use crate::evaluate::{GroupRun, Moment};
use crate::group::Group;
use crate::head::Head;
use crate::key::{ClockId, Key, RuleKeys, Timer, customers_after, generation_range, state_owner};
use crate::run::Run;
use crate::stored;
use crate::stream::Timestamp;
use crate::view::{View, after};
use crate::write::{Table, Write};

/// What the keys of sweeps begin with; they stand in the table of the partition's own affairs.
const SWEEP: &[u8] = b"sweep/";
/// How many sweeps go on side by side; others wait until one is done.
const SWEEPS_AT_ONCE_MAX: usize = 100;

/// What a sweep does with every group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Task {
    /// Judges it by the rule as it is now.
    Judge,
    /// Erases it with its timers.
    Erase,
}

/// A sweep that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sweep {
    task: Task,
    /// Whose rule, and which.
    owner: [u8; 16],
    alert: [u8; 16],
    /// The clock that the rule's timers wait for.
    clock: u64,
    /// Where in the table of state it goes on.
    from: Vec<u8>,
}

/// What a step of a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// What comes of it.
    pub effects: Effects,
    /// Whether anything is left to do.
    pub is_unfinished: bool,
}

/// The write that has every group of a rule judged anew, because it judges otherwise than it did.
pub fn judge_anew(active: &ActiveRule) -> Write {
    begin(active, Task::Judge)
}

/// The write that has everything erased that a rule has collected which is not in force any more.
pub fn erase(retired: &ActiveRule) -> Write {
    begin(retired, Task::Erase)
}

fn begin(active: &ActiveRule, task: Task) -> Write {
    let RuleKey { customer, alert } = active.rule.key;
    let from =
        if customer.is_global() { Key::new() } else { generation_range(customer, active.generation).0 };
    let clock = ClockId::of(active.rule.timing.event_time.as_ref()).0;
    let sweep =
        Sweep { task, owner: *customer.as_bytes(), alert: *alert.as_bytes(), clock, from: from.to_vec() };
    Write::Put { table: Table::Meta, key: sweep_key(active.generation), value: stored::to_bytes(&sweep) }
}

fn sweep_key(generation: Generation) -> Key {
    [SWEEP, &generation.0.to_be_bytes()].concat().into()
}

/// The generation of which a write begins a sweep.
pub fn begins_sweep_of(write: &Write) -> Option<Generation> {
    let Write::Put { table: Table::Meta, key, .. } = write else { return None };
    key.strip_prefix(SWEEP)?.try_into().ok().map(|bytes| Generation(u64::from_be_bytes(bytes)))
}

/// The range `[from, to)` of the sweeps that are not done, in the table of the partition's own affairs.
pub fn sweeps() -> (Key, Key) {
    (Key::from_static(SWEEP), [SWEEP, &[0xFF; 9]].concat().into())
}

/// Takes the sweeps that are not done further by so many looks at state; one look finds a group, or that a customer has none.
///
/// # Errors
/// As [`crate::apply`].
pub fn sweep(view: View<'_>, context: &Context<'_>, looks_max: usize) -> Result<Swept, Failure> {
    let mut run = Run::new(view, context);
    let mut ranges = Vec::new();
    let pending = pending(&run)?;
    // Each gets its share, so that a long one holds no other up.
    let share = (looks_max / pending.len().max(1)).max(1);
    let mut is_unfinished = false;
    for (key, sweep) in pending {
        let generation = key.last_chunk().map(|bytes| Generation(u64::from_be_bytes(*bytes)));
        let generation = generation.ok_or_else(|| run.damaged(CustomerId::GLOBAL))?;
        let mut work = Work { run: &mut run, generation, sweep, looks: share, ranges: &mut ranges };
        let is_done = work.go_on()?;
        let sweep = work.sweep;
        if is_done {
            run.view.delete(Table::Meta, key);
        } else {
            run.view.put(Table::Meta, key, stored::to_bytes(&sweep));
            is_unfinished = true;
        }
    }
    let (from, to) = sweeps();
    let is_unfinished = is_unfinished || run.view.first(Table::Meta, &from, &to)?.is_some();
    let mut effects = run.finish();
    effects.writes.extend(ranges);
    Ok(Swept { effects, is_unfinished })
}

/// The first of the sweeps that are not done.
fn pending(run: &Run<'_>) -> Result<Vec<(Key, Sweep)>, Failure> {
    let (mut from, to) = sweeps();
    let mut found = Vec::new();
    while let Some((key, value)) = run.view.first(Table::Meta, &from, &to)? {
        from = after(&key);
        found.push((key, run.decode(CustomerId::GLOBAL, &value)?));
        if found.len() == SWEEPS_AT_ONCE_MAX {
            break;
        }
    }
    Ok(found)
}

/// A sweep at work.
struct Work<'w, 'a> {
    run: &'w mut Run<'a>,
    generation: Generation,
    sweep: Sweep,
    looks: usize,
    /// What is removed as a whole, after everything else.
    ranges: &'w mut Vec<Write>,
}

impl Work<'_, '_> {
    fn rule(&self) -> RuleKey {
        RuleKey {
            customer: CustomerId::from_bytes(self.sweep.owner),
            alert: AlertId::from_bytes(self.sweep.alert),
        }
    }

    /// Goes on while there are looks left; answers whether everything is done.
    fn go_on(&mut self) -> Result<bool, Failure> {
        let owner = self.rule().customer;
        let end = customers_after(&[0xFF; 24]);
        while self.looks > 0 {
            let customer = if let Some(customer) = self.begun() {
                customer
            } else if owner.is_global() {
                let from = Key::from(self.sweep.from.clone());
                self.looks -= 1;
                let Some((key, _)) = self.run.view.first(Table::State, &from, &end)? else {
                    return Ok(true);
                };
                state_owner(&key).ok_or_else(|| self.run.damaged(owner))?
            } else {
                owner
            };
            if !self.sweep_customer(customer)? {
                return Ok(false);
            }
            if !owner.is_global() {
                return Ok(true);
            }
            self.sweep.from = customers_after(&generation_range(customer, self.generation).0).to_vec();
        }
        Ok(false)
    }

    /// The customer whose groups were not all looked at when the looks were used up.
    fn begun(&self) -> Option<CustomerId> {
        let customer = state_owner(&self.sweep.from)?;
        let (from, to) = RuleKeys::new(customer, self.generation).heads();
        (*from <= *self.sweep.from && *self.sweep.from <= *to).then_some(customer)
    }

    /// Goes on with the groups of one customer; answers whether there are no more.
    fn sweep_customer(&mut self, customer: CustomerId) -> Result<bool, Failure> {
        let (from, to) = RuleKeys::new(customer, self.generation).heads();
        let mut from = from.max(Key::from(self.sweep.from.clone()));
        loop {
            if self.looks == 0 {
                self.sweep.from = from.to_vec();
                return Ok(false);
            }
            self.looks -= 1;
            let Some((key, value)) = self.run.view.first(Table::State, &from, &to)? else { break };
            from = after(&key);
            match self.sweep.task {
                Task::Judge => self.judge(customer, &value)?,
                Task::Erase => self.erase_timers(customer, &value)?,
            }
        }
        if self.sweep.task == Task::Erase {
            self.erase_rest(customer)?;
        }
        Ok(true)
    }

    fn judge(&mut self, customer: CustomerId, value: &Bytes) -> Result<(), Failure> {
        let Some(active) = self.run.context.rules.get(&self.rule()).cloned() else { return Ok(()) };
        if active.generation != self.generation {
            return Ok(());
        }
        let head: Head = self.run.decode(customer, value)?;
        if head.judged_under == active.judges_since.0 {
            return Ok(());
        }
        let clock_id = ClockId(self.sweep.clock);
        let ingestion = self.run.ingestion;
        self.run.pass_silence(customer, [clock_id], ingestion)?;
        let Some(clock) = self.run.clock(customer, clock_id)? else { return Ok(()) };
        let moment = Moment { clock: clock.now, ingest: clock.ingest, late: false };
        let group = Group::from_text(&head.group);
        GroupRun::load(self.run, &active, customer, group, moment)?.judge_anew()
    }

    fn erase_timers(&mut self, customer: CustomerId, value: &Bytes) -> Result<(), Failure> {
        let head: Head = self.run.decode(customer, value)?;
        for (kind, due) in head.timers.all() {
            let timer = self.timer(&head.group, kind, due);
            self.run.view.delete(Table::Timers, timer.key(customer, ClockId(self.sweep.clock)));
        }
        Ok(())
    }

    /// What the groups of a customer shared goes last, and with it everything else.
    fn erase_rest(&mut self, customer: CustomerId) -> Result<(), Failure> {
        let (from, to) = generation_range(customer, self.generation);
        if self.run.view.first(Table::State, &from, &to)?.is_none() {
            return Ok(());
        }
        for (kind, due) in self.run.shared_timers(customer, self.generation)? {
            let timer = self.timer("", kind, due);
            self.run.view.delete(Table::Timers, timer.key(customer, ClockId(self.sweep.clock)));
        }
        self.run.close_groups(customer, self.generation)?;
        self.ranges.push(Write::DeleteRange { table: Table::State, from, to });
        Ok(())
    }

    fn timer(&self, group: &str, kind: crate::key::TimerKind, due: Timestamp) -> Timer {
        let RuleKey { customer, alert } = self.rule();
        let is_global = customer.is_global();
        Timer { due, alert, group: group.to_owned(), kind, is_global, generation: self.generation }
    }
}

#[cfg(test)]
mod tests;
