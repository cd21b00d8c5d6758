//! The ways in which a scenario runs, none of which makes a difference.

use std::fmt;

use crate::diff::{Mismatch, compare};
use crate::scenario::{Action, Scenario, Step};
use crate::world::World;

/// The most places at which a scenario is cut in two; longer ones are cut at so many, evenly.
const SPLITS_MAX: usize = 64;
/// How many partitions the events are spread over.
const PARTITIONS: u32 = 4;

/// How the events are cut into batches. A change of a rule, and a silence, always stands between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nowhere,
    Everywhere,
    Before(usize),
}

/// What befalls the worker at each batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    /// It ends after each commit, and another one goes on from there.
    CrashesAfter,
    /// It also ends once before each commit, with everything evaluated.
    CrashesBefore,
    /// Its disk is lost as well.
    LosesDisk,
}

/// A way to run a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    cut: Cut,
    fate: Fate,
    partitions: u32,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut {
            Cut::Nowhere => f.write_str("in one batch")?,
            Cut::Everywhere => f.write_str("in batches of one")?,
            Cut::Before(step) => write!(f, "cut in two before step {}", step + 1)?,
        }
        match self.fate {
            Fate::Lives => {},
            Fate::CrashesAfter => f.write_str(", with a crash after every batch")?,
            Fate::CrashesBefore => f.write_str(", with a crash before every commit")?,
            Fate::LosesDisk => f.write_str(", with the disk lost after every batch")?,
        }
        if self.partitions > 1 {
            write!(f, ", over {} partitions", self.partitions)?;
        }
        Ok(())
    }
}

/// Why a scenario fails.
#[derive(Debug)]
pub enum Failure {
    /// Something else came than was expected.
    Mismatch(Mismatch),
    /// The worker could not go on.
    Broken(Way, ports::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::Broken(way, error) => write!(f, "{way}: the worker stopped: {error}"),
        }
    }
}

/// All ways, the ones that tell most first.
pub fn ways(scenario: &Scenario) -> Vec<Way> {
    let way = |cut, fate, partitions| Way { cut, fate, partitions };
    let mut ways = vec![
        way(Cut::Everywhere, Fate::Lives, 1),
        way(Cut::Nowhere, Fate::Lives, 1),
        way(Cut::Everywhere, Fate::CrashesAfter, 1),
        way(Cut::Everywhere, Fate::CrashesBefore, 1),
        way(Cut::Everywhere, Fate::LosesDisk, 1),
        way(Cut::Everywhere, Fate::Lives, PARTITIONS),
        way(Cut::Nowhere, Fate::CrashesBefore, PARTITIONS),
    ];
    let splits = scenario.steps.len().saturating_sub(1);
    let every = splits.div_ceil(SPLITS_MAX).max(1);
    ways.extend((1..=splits).step_by(every).map(|step| way(Cut::Before(step), Fate::CrashesAfter, 1)));
    ways
}

/// Runs a scenario in all ways, and answers how many there are.
///
/// # Errors
/// The first way in which something else comes than is expected.
pub fn check(scenario: &Scenario) -> Result<usize, Box<Failure>> {
    let ways = ways(scenario);
    ways.iter().try_for_each(|way| way.check(scenario))?;
    Ok(ways.len())
}

impl Way {
    /// Runs a scenario in this way.
    ///
    /// # Errors
    /// Something else comes than is expected, or the worker stops.
    pub fn check(&self, scenario: &Scenario) -> Result<(), Box<Failure>> {
        let broken = |error| Box::new(Failure::Broken(*self, error));
        let start = scenario.steps.iter().map(|step| step.at).min().unwrap_or_default();
        let mut world = World::new(self.partitions, start).map_err(broken)?;
        let mut alerts = compare::Alerts::default();
        for batch in self.batches(&scenario.steps) {
            self.run(&mut world, batch).map_err(broken)?;
            let came = world.take();
            compare::batch(&scenario.names, batch, &came, &mut alerts, *self)
                .map_err(|mismatch| Box::new(Failure::Mismatch(mismatch)))?;
        }
        Ok(())
    }

    /// Whether there is no order between the records of different customers.
    pub(crate) fn has_partitions(&self) -> bool {
        self.partitions > 1
    }

    fn batches<'s>(&self, steps: &'s [Step]) -> Vec<&'s [Step]> {
        let is_event = |step: &Step| matches!(step.action, Action::Event(..));
        let mut batches = Vec::new();
        let mut begin = 0;
        for index in 1..=steps.len() {
            let is_cut = steps.get(index).is_none_or(|step| {
                !is_event(step)
                    || !steps.get(index - 1).is_some_and(is_event)
                    || self.cut == Cut::Everywhere
                    || self.cut == Cut::Before(index)
            });
            if is_cut {
                batches.extend(steps.get(begin..index));
                begin = index;
            }
        }
        batches
    }

    /// Steps of one kind.
    fn run(&self, world: &mut World, batch: &[Step]) -> ports::Result<()> {
        for step in batch {
            // A control record or an event is there, at the latest, when its step is.
            world.advance(step.at);
            match &step.action {
                Action::Event(customer, payload) => world.event(*customer, payload, step.at)?,
                Action::Rule(key, rule) => world.control(*key, Some(rule))?,
                Action::Delete(key) => world.control(*key, None)?,
                Action::Silence => world.silence(step.at)?,
            }
        }
        if self.fate == Fate::CrashesBefore {
            world.evaluate_and_crash()?;
        }
        world.settle()?;
        match self.fate {
            Fate::Lives => {},
            Fate::CrashesAfter | Fate::CrashesBefore => world.crash(),
            Fate::LosesDisk => world.lose_disks()?,
        }
        Ok(())
    }
}
