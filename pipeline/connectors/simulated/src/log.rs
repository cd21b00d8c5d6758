//! The log as a process sees it.

use engine::{Offset, Partition};
use ports::{
    Bounds, Committed, Error, ErrorKind, Log, Member, Membership, Outgoing, Place, Reader, Result, TopicSpec,
    TopicState,
};

use crate::fault::Point;
use crate::member::SimulatedMember;
use crate::process::ProcessId;
use crate::reader::SimulatedReader;
use crate::seen::Seen;
use crate::world::World;

/// The log as a process sees it.
#[derive(Clone)]
pub struct SimulatedLog {
    world: World,
    process: ProcessId,
}

impl SimulatedLog {
    /// The log of a world for one of its processes.
    pub fn new(world: World, process: ProcessId) -> Self {
        Self { world, process }
    }

    /// Writes records in a transaction of a producer, which commits or aborts it.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn transact(&self, records: Vec<Outgoing>, commits: bool) -> Result<Vec<Place>> {
        let mut state = self.world.lock();
        let partitions: Result<Vec<_>> = records.iter().map(|record| state.broker.place(record)).collect();
        let (now, began) = (state.broker_time(), state.now);
        let transaction = state.broker.begin("producer", began);
        let placed = partitions?.into_iter().zip(records);
        let places =
            placed.map(|(at, record)| state.broker.append(at, record, now, Some(transaction))).collect();
        state.broker.end(transaction, commits);
        Ok(places)
    }
}

impl Log for SimulatedLog {
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<Vec<String>> {
        let mut state = self.world.lock();
        let made = specs.iter().filter(|spec| state.broker.create(spec));
        Ok(made.map(|spec| spec.name.clone()).collect())
    }

    fn inspect_topics(&self, names: &[&str]) -> Result<Vec<TopicState>> {
        let state = self.world.lock();
        Ok(names.iter().map(|name| state.broker.describe(name)).collect())
    }

    fn partitions(&self, topic: &str) -> Result<u32> {
        self.world.reach(self.process, Point::Ask, &"partitions").or_refused()?;
        self.world.lock().broker.partitions(topic)
    }

    fn append(&self, records: Vec<Outgoing>) -> Result<Vec<Place>> {
        let mut state = self.world.lock();
        let partitions: Result<Vec<_>> = records.iter().map(|record| state.broker.place(record)).collect();
        let now = state.broker_time();
        let placed = partitions?.into_iter().zip(records);
        Ok(placed.map(|(partition, record)| state.broker.append(partition, record, now, None)).collect())
    }

    fn reader(&self, topic: &str, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>> {
        self.world.reach(self.process, Point::Read, &format_args!("open {topic} {from:?}")).or_refused()?;
        let mut state = self.world.lock();
        for (partition, offset) in from {
            check_range(topic, *partition, *offset, state.broker.len(topic, *partition)?)?;
            let start = state.broker.start(topic, *partition);
            if *offset < start {
                let problem =
                    format!("topic `{topic}` partition {partition} begins at {start}, after {offset}");
                return Err(Error::new(ErrorKind::Gone, problem));
            }
        }
        state.readers += 1;
        let (process, id) = (self.process, state.readers);
        let (partition, first) = from.first().copied().unwrap_or_default();
        let topic = topic.to_owned();
        state.seen.push(Seen::Opened { process, reader: id, topic: topic.clone(), partition, from: first });
        drop(state);
        let (world, from) = (self.world.clone(), from.to_vec());
        Ok(Box::new(SimulatedReader { world, process, id, topic, from }))
    }

    fn bounds(&self, topic: &str, partition: Partition) -> Result<Bounds> {
        self.world
            .reach(self.process, Point::Ask, &format_args!("bounds {topic}/{partition}"))
            .or_refused()?;
        let mut state = self.world.lock();
        let end = state.broker.readable_end(topic, partition)?;
        let start = state.broker.start(topic, partition);
        let topic = topic.to_owned();
        state.seen.push(Seen::Looked { process: self.process, topic, partition, end });
        Ok(Bounds { start, end })
    }

    fn committed(&self, group: &str, topic: &str) -> Result<Vec<Option<Committed>>> {
        self.world.reach(self.process, Point::Ask, &"committed").or_refused()?;
        let state = self.world.lock();
        let partitions = (0..state.broker.partitions(topic)?).map(Partition);
        Ok(partitions.map(|partition| state.broker.committed(group, topic, partition)).collect())
    }

    fn join(&self, membership: Membership) -> Result<Box<dyn Member>> {
        self.world.reach(self.process, Point::Join, &membership.name).or_refused()?;
        Ok(Box::new(SimulatedMember::join(self.world.clone(), self.process, &membership)?))
    }
}

pub(crate) fn check_range(topic: &str, partition: Partition, offset: Offset, end: Offset) -> Result<()> {
    if offset <= end {
        return Ok(());
    }
    let problem = format!("topic `{topic}` partition {partition} ends at {end}, before {offset}");
    Err(Error::new(ErrorKind::Gone, problem))
}
