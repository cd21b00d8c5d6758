//! A member of a group: one consumer for its partitions, one transactional producer for its commits.

use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use engine::{Input, Offset, Partition};
use ports::{
    CommitError, Error, ErrorKind, Member, MemberEvent, Membership, Outgoing, Place, Positions, Result,
};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, info, warn};

use super::assignment::Assignment;
use super::context::{MemberContext, Rebalance};
use super::delivery::Producer;
use super::errors::{ends_membership, error, from_kafka};
use super::ffi::{self, Fetched, QueuedConsumer};
use super::metrics;
use super::observer::{Observer, number, raw};
use super::reader::{SLICE, TAKE_MAX, check_range, dispose, partition_failure, timestamp};
use super::settings::Settings;
use super::settle;
use super::takeover::Takeover;

/// Client events served before records are looked at. One call serves one event, a log line for instance.
const EVENTS_PER_SERVE: usize = 8;

/// How long the news before the end of a client is looked for.
const NEWS_TIMEOUT: Duration = Duration::from_millis(100);

/// How long leaving may take. A client that hangs while it closes is left to the end of the process.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the first start of the producer may take.
const JOIN_PATIENCE: Duration = Duration::from_secs(30);

/// A member of a group.
pub(super) struct KafkaMember {
    pub(super) settings: Settings,
    pub(super) observer: Arc<Observer>,
    pub(super) membership: Membership,
    /// The transactional id: lasting, so that a restart ends what its former life left open.
    pub(super) writer: String,
    pub(super) assignment: Assignment,
    /// None after a doubt that is not settled, until the next commit.
    pub(super) producer: Option<Producer>,
    pub(super) fenced_at: Option<Instant>,
    topic_name: CString,
    /// Whether the group has taken all partitions and given none since.
    expired: bool,
    client: Option<QueuedConsumer<MemberContext>>,
    takeover: Takeover,
    events: VecDeque<MemberEvent>,
    /// Why nothing can go on.
    failure: Option<Error>,
    /// Why a partition cannot go on, told until it is given up.
    halted: Option<(Partition, Error)>,
}

impl KafkaMember {
    pub(super) fn join(settings: &Settings, observer: Arc<Observer>, membership: Membership) -> Result<Self> {
        observer.partitions(&membership.topic)?;
        let writer = format!("{}.{}", membership.group, membership.name);
        // The producer first: it ends an open transaction of this name's former life, whose positions are then settled
        // when the assignment is read.
        let producer = settle::connect(settings, &writer, JOIN_PATIENCE)?;
        let client = subscribe(settings, &membership)?;
        let takeover =
            Takeover::new(settings.clone(), Arc::clone(&observer), membership.clone(), writer.clone());
        Ok(Self {
            settings: settings.clone(),
            observer,
            topic_name: ffi::topic_name(&membership.topic)?,
            membership,
            writer,
            assignment: Assignment::default(),
            producer: Some(producer),
            fenced_at: None,
            expired: false,
            client: Some(client),
            takeover,
            events: VecDeque::new(),
            failure: None,
            halted: None,
        })
    }

    /// Replaces a consumer that librdkafka has ended by mistake: when its session times out it forgets its member id,
    /// and if it sends a heartbeat before it joins again, the broker takes it for another process of the same name.
    fn revive(&mut self) -> Result<()> {
        info!(target: "kafka", group = self.membership.group, "joining again: the session has timed out");
        self.expired = false;
        let held = self.assignment.all();
        self.lost(&held);
        let client = subscribe(&self.settings, &self.membership)?;
        if let Some(old) = self.client.replace(client) {
            old.consumer().context().close();
            dispose(old);
        }
        self.expired = false;
        Ok(())
    }

    pub(super) fn client(&self) -> &QueuedConsumer<MemberContext> {
        self.client.as_ref().expect("the client is there until the member is dropped")
    }

    /// Takes note of what the group and the client have to say.
    pub(super) fn serve(&mut self) -> Result<()> {
        for _ in 0..EVENTS_PER_SERVE {
            let event = self.client().consumer().poll(Duration::ZERO).map(|event| event.map(drop));
            match event {
                None => {},
                Some(Err(KafkaError::MessageConsumption(code))) if ends_membership(code) => {
                    self.failure = Some(error(&self.action(), code, ""));
                },
                // The context has logged it, and the client goes on by itself.
                Some(Err(problem)) => debug!(target: "kafka", %problem, "consumer reports a problem"),
                Some(Ok(())) => {
                    let problem = "a record came outside of its partition's queue: it would be skipped";
                    self.failure = Some(Error::new(ErrorKind::Corrupt, problem).during(self.action()));
                },
            }
        }
        while let Some(rebalance) = self.client().consumer().context().next_rebalance() {
            self.rebalance(rebalance);
        }
        match self.client().consumer().client().fatal_error() {
            None => {},
            Some((RDKafkaErrorCode::FencedInstanceId, _)) if self.has_expired() => self.revive()?,
            Some((code, detail)) => self.failure = Some(error(&self.action(), code, &detail)),
        }
        // Every such failure lasts: the caller is told at each call.
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Whether the session had timed out before librdkafka ended. The news of that may wait behind others.
    fn has_expired(&mut self) -> bool {
        let deadline = Instant::now() + NEWS_TIMEOUT;
        while !self.expired && Instant::now() < deadline {
            drop(self.client().consumer().poll(SLICE));
            while let Some(rebalance) = self.client().consumer().context().next_rebalance() {
                self.rebalance(rebalance);
            }
        }
        self.expired
    }

    fn action(&self) -> String {
        format!("as member `{}` of group `{}`", self.membership.name, self.membership.group)
    }

    fn rebalance(&mut self, rebalance: Rebalance) {
        debug!(target: "kafka", ?rebalance, "the group was rebalanced");
        match rebalance {
            Rebalance::Assign(partitions) => self.assigned(&partitions),
            Rebalance::Revoke(partitions) => {
                metrics::rebalanced(metrics::Rebalance::Revoke);
                for partition in self.assignment.revoke(&partitions) {
                    self.events.push_back(MemberEvent::Revoked { partition });
                }
                if !self.assignment.is_revoking() {
                    self.unassign(&[]);
                }
            },
            Rebalance::Lose(partitions) => self.lost(&partitions),
        }
    }

    fn assigned(&mut self, partitions: &[Partition]) {
        metrics::rebalanced(metrics::Rebalance::Assign);
        let member = self.client().group_metadata().map_or_else(String::new, |group| group.member());
        // Under another id nothing of the old can be ours, even if librdkafka forgot to say so.
        let old = self.assignment.all();
        if member != self.assignment.member() && !old.is_empty() {
            self.lost(&old);
        }
        self.expired = false;
        self.assignment.assign(member, partitions);
        // An empty answer ends the rebalance; the partitions are added as they are started.
        if let Err(problem) = self.client().consumer().incremental_assign(&TopicPartitionList::new()) {
            warn!(target: "kafka", %problem, "could not take an assignment");
        }
    }

    fn lost(&mut self, partitions: &[Partition]) {
        metrics::rebalanced(metrics::Rebalance::Lose);
        self.expired = true;
        let (tell, leaving) = self.assignment.lose(partitions);
        for partition in partitions {
            self.forget_failure(*partition);
        }
        info!(target: "kafka", group = self.membership.group, ?tell, "partitions were lost");
        self.events.extend(tell.into_iter().map(|partition| MemberEvent::Lost { partition }));
        self.unassign(&leaving);
    }

    fn forget_failure(&mut self, partition: Partition) {
        self.halted.take_if(|(halted, _)| *halted == partition);
    }

    fn unassign(&self, partitions: &[Partition]) {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.membership.topic, number(*partition));
        }
        if let Err(problem) = self.client().consumer().incremental_unassign(&list) {
            warn!(target: "kafka", %problem, "could not give partitions up");
        }
    }

    /// Whether the caller does not know yet of partitions that were lost.
    pub(super) fn has_untold_loss(&self) -> bool {
        self.events.iter().any(|event| matches!(event, MemberEvent::Lost { .. }))
    }

    fn tell_assigned(&mut self) -> Result<()> {
        let untold = self.assignment.untold();
        if untold.is_empty() {
            return Ok(());
        }
        let client = self.client.as_ref().expect("the client is there until the member is dropped");
        let Some(positions) = self.takeover.positions(client.consumer(), &untold)? else {
            return Ok(());
        };
        for (partition, committed) in positions {
            self.assignment.told(partition);
            self.events.push_back(MemberEvent::Assigned { partition, committed });
        }
        Ok(())
    }

    /// Groups what came by partition.
    fn sort(&mut self, fetched: Vec<Fetched>) -> Vec<MemberEvent> {
        let mut runs: Vec<(Partition, Offset, Vec<Input>)> = Vec::new();
        for fetched in fetched {
            let partition = Partition(u32::try_from(fetched.partition).unwrap_or(u32::MAX));
            if runs.last().is_none_or(|(of, ..)| *of != partition) {
                let known = runs.iter().rev().find(|(of, ..)| *of == partition);
                let expected = known.map(|(_, next, _)| *next);
                // Nothing of a partition that is not, or no longer, delivered.
                let Some(expected) = expected.or_else(|| self.assignment.expected(partition)) else {
                    continue;
                };
                runs.push((partition, expected, Vec::new()));
            }
            let Some((_, next, inputs)) = runs.last_mut() else {
                continue;
            };
            if let Some((code, detail)) = fetched.problem {
                if let Some(failure) =
                    partition_failure(&self.membership.topic, partition, *next, code, &detail)
                {
                    self.halted = Some((partition, failure));
                }
                continue;
            }
            let offset = Offset(u64::try_from(fetched.offset).unwrap_or(0));
            if offset < *next {
                continue;
            }
            *next = offset.next();
            inputs.push(Input {
                offset,
                timestamp: timestamp(fetched.timestamp),
                key: fetched.key,
                value: fetched.value,
            });
        }
        let mut events = Vec::with_capacity(runs.len());
        for (partition, next, inputs) in runs {
            self.assignment.start(partition, next);
            if !inputs.is_empty() {
                events.push(MemberEvent::Records { partition, inputs });
            }
        }
        events
    }

    /// Begins to close the clients on another thread.
    fn close(&mut self) -> Option<thread::JoinHandle<()>> {
        let client = self.client.take()?;
        client.consumer().context().close();
        // librdkafka may wait for an answer to a rebalance that was looked at and not answered.
        let mut list = TopicPartitionList::new();
        for partition in self.assignment.started() {
            list.add_partition(&self.membership.topic, number(partition));
        }
        if let Err(problem) = client.consumer().incremental_unassign(&list) {
            debug!(target: "kafka", %problem, "leaving a group");
        }
        dispose((client, self.producer.take()))
    }
}

fn subscribe(settings: &Settings, membership: &Membership) -> Result<QueuedConsumer<MemberContext>> {
    let action = format!("joining group `{}`", membership.group);
    let consumer =
        settings.member(&membership.group, &membership.name).create_with_context(MemberContext::default());
    let consumer: BaseConsumer<MemberContext> = consumer.map_err(|problem| from_kafka(&action, &problem))?;
    let client = QueuedConsumer::new(consumer);
    let subscribed = client.consumer().subscribe(&[&membership.topic]);
    subscribed.map_err(|problem| from_kafka(&action, &problem))?;
    Ok(client)
}

impl Member for KafkaMember {
    fn poll(&mut self, records_max: usize, timeout: Duration) -> Result<Vec<MemberEvent>> {
        let deadline = Instant::now() + timeout;
        loop {
            self.serve()?;
            self.tell_assigned()?;
            if !self.events.is_empty() {
                return Ok(self.events.drain(..).collect());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let fetched = self.client().take(records_max.min(TAKE_MAX), left.min(SLICE), false);
            let events = self.sort(fetched);
            // A partition's failure is told after the records before it.
            if let (true, Some((_, failure))) = (events.is_empty(), &self.halted) {
                return Err(failure.clone());
            }
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
        }
    }

    fn start(&mut self, partition: Partition, from: Offset) -> Result<()> {
        let action = || format!("starting partition {partition} of topic `{}`", self.membership.topic);
        if self.assignment.expected(partition).is_some() {
            return Err(Error::new(ErrorKind::Refused, "it is started already").during(action()));
        }
        if !self.assignment.can_start(partition) {
            // It was asked back or lost meanwhile, which the next poll tells.
            return Ok(());
        }
        match check_range(&self.observer, &self.membership.topic, partition, from) {
            // Without an answer librdkafka finds out by itself, and poll tells.
            Ok(()) => {},
            Err(problem) if problem.is_transient() => {},
            Err(problem) => return Err(problem),
        }
        self.client().forward(&self.topic_name, number(partition));
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(
            &self.membership.topic,
            number(partition),
            rdkafka::Offset::Offset(raw(from)),
        )
        .map_err(|problem| from_kafka(&action(), &problem))?;
        let started = self.client().consumer().incremental_assign(&list);
        started.map_err(|problem| from_kafka(&action(), &problem))?;
        self.assignment.start(partition, from);
        Ok(())
    }

    fn release(&mut self, partition: Partition) -> Result<()> {
        self.forget_failure(partition);
        if let Some(leaving) = self.assignment.release(partition) {
            self.unassign(&leaving);
        }
        Ok(())
    }

    fn commit(
        &mut self,
        records: Vec<Outgoing>,
        positions: Positions<'_>,
    ) -> std::result::Result<Vec<Place>, CommitError> {
        self.transact(records, positions)
    }

    fn leave(mut self: Box<Self>) -> Result<()> {
        let deadline = Instant::now() + LEAVE_TIMEOUT;
        let Some(closing) = self.close() else {
            return Ok(());
        };
        while !closing.is_finished() {
            if Instant::now() >= deadline {
                warn!(target: "kafka", group = self.membership.group, "the client does not close: leaving it behind");
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// A member that is dropped leaves without being waited for.
impl Drop for KafkaMember {
    fn drop(&mut self) {
        self.close();
    }
}
