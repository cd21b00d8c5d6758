//! Groups of several members: partitions are shared, handed over, taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use connectors::kafka::KafkaLog;
use engine::{Offset, Partition};
use ports::{CommitError, Committed, Log, Member, MemberEvent, Outgoing, Position};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, TopicPartitionList};
use tests::contract::{self, create, eventually, join, membership, position, record, values};
use tests::harness::kafka::{broker, prefix};
use tests::harness::wait_for;

const POLL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(40);

/// Copies each record of its partitions to the same partition of another topic, in small commits.
struct Copier {
    member: Box<dyn Member>,
    out: String,
    held: BTreeMap<Partition, u64>,
    handed_over: usize,
}

impl Copier {
    fn join(log: &KafkaLog, group: &str, topic: &str, out: &str, name: &str) -> Self {
        let member = log.join(membership(group, topic, name)).unwrap();
        Self { member, out: out.to_owned(), held: BTreeMap::new(), handed_over: 0 }
    }

    /// Commits, again while the group is between two generations.
    fn commit(&mut self, records: Vec<Outgoing>, partition: Partition, position: Committed) {
        wait_for("a commit", PATIENCE, || {
            match self.member.commit(records.clone(), &|_| vec![(partition, position.clone())]) {
                Ok(_) => Some(()),
                Err(CommitError::Aborted(_)) => None,
                Err(problem) => panic!("{problem}"),
            }
        });
    }

    fn step(&mut self) {
        for event in self.member.poll(7, POLL).unwrap() {
            match event {
                MemberEvent::Assigned { partition, committed } => {
                    let from = committed.map_or(0, |committed| committed.next.0);
                    self.member.start(partition, Offset(from)).unwrap();
                    assert_eq!(self.held.insert(partition, from), None);
                },
                MemberEvent::Records { partition, inputs } => {
                    let next = self.held.get_mut(&partition).unwrap();
                    assert_eq!(inputs[0].offset.0, *next);
                    *next += inputs.len() as u64;
                    let (next, out) = (*next, &self.out);
                    let copies =
                        inputs.into_iter().map(|input| record(out, partition.0, input.value.unwrap()));
                    let copies = copies.collect();
                    self.commit(copies, partition, position(next, &format!("at {next}")));
                },
                MemberEvent::Revoked { partition } => {
                    // The last work on a partition is committed after it was asked back and before it is given up.
                    let next = self.held.remove(&partition).unwrap();
                    self.commit(Vec::new(), partition, position(next, "handed over"));
                    self.member.release(partition).unwrap();
                    self.handed_over += 1;
                },
                MemberEvent::Lost { partition } => panic!("lost {partition}"),
            }
        }
    }
}

#[test]
fn partitions_are_shared_and_handed_over_without_a_gap() {
    const RECORDS: u32 = 4_000;
    let Some((broker, _lease)) = broker("partitions_are_shared_and_handed_over_without_a_gap") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("handover"));
    let (topic, out) = (create(&log, &prefix, "in", 4), create(&log, &prefix, "out", 4));
    let feed = |range: std::ops::Range<u32>| {
        let records = range.map(|number| record(&topic, number % 4, number.to_string()));
        log.append(records.collect()).unwrap();
    };
    feed(0..RECORDS / 2);
    let mut one = Copier::join(&log, &prefix, &topic, &out, "one");
    let deadline = Instant::now() + PATIENCE;
    while one.held.len() < 4 {
        assert!(Instant::now() < deadline);
        one.step();
    }
    let mut two = Copier::join(&log, &prefix, &topic, &out, "two");
    while two.held.len() < 2 || one.held.len() > 2 {
        assert!(Instant::now() < deadline, "one has {:?}, two has {:?}", one.held, two.held);
        one.step();
        two.step();
    }
    assert_eq!(one.handed_over, 2);
    feed(RECORDS / 2..RECORDS);
    let all = |partition: u32| -> Vec<String> {
        (partition..RECORDS).step_by(4).map(|number| number.to_string()).collect()
    };
    for partition in 0..4 {
        let wanted = u64::from(RECORDS) / 4;
        let at = |copier: &Copier| copier.held.get(&Partition(partition)).copied().unwrap_or(0);
        while at(&one).max(at(&two)) < wanted {
            assert!(Instant::now() < deadline, "one has {:?}, two has {:?}", one.held, two.held);
            one.step();
            two.step();
        }
        eventually(all(partition), || values(&log, &out, partition));
    }
    let held: BTreeSet<_> = one.held.keys().chain(two.held.keys()).collect();
    assert_eq!(held.len(), 4);
    one.member.leave().unwrap();
    two.member.leave().unwrap();
}

/// The rebalance ends at once, so a partition that is not started holds up neither the group nor the others.
#[test]
fn a_rebalance_goes_on_while_partitions_are_not_started() {
    let Some((broker, _lease)) = broker("a_rebalance_goes_on_while_partitions_are_not_started") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("unstarted"));
    let topic = create(&log, &prefix, "in", 2);
    let (mut one, assigned) = join(&log, membership(&prefix, &topic, "one"), 2);
    assert_eq!(assigned.len(), 2);
    one.start(Partition(0), Offset(0)).unwrap();
    let mut two = log.join(membership(&prefix, &topic, "two")).unwrap();
    let (deadline, mut revoked, mut assigned) = (Instant::now() + PATIENCE, None, None);
    while assigned.is_none() {
        assert!(Instant::now() < deadline, "one gave {revoked:?}");
        for event in one.poll(10, POLL).unwrap() {
            let MemberEvent::Revoked { partition } = event else { panic!("{event:?}") };
            one.release(partition).unwrap();
            revoked = Some(partition);
        }
        for event in two.poll(10, POLL).unwrap() {
            let MemberEvent::Assigned { partition, .. } = event else { panic!("{event:?}") };
            assigned = Some(partition);
        }
    }
    assert_eq!(assigned, revoked);
    let kept = Partition(1 - revoked.unwrap().0);
    if kept == Partition(1) {
        one.start(kept, Offset(0)).unwrap();
    }
    two.start(revoked.unwrap(), Offset(0)).unwrap();
    log.append(vec![record(&topic, 0, "zero"), record(&topic, 1, "one")]).unwrap();
    assert_eq!(contract::take(&mut *one, 1)[0].0, kept);
    assert_eq!(contract::take(&mut *two, 1)[0].0, revoked.unwrap());
    let stranger = one.commit(Vec::new(), &|_| vec![(revoked.unwrap(), position(1, "not mine"))]);
    assert!(matches!(stranger, Err(CommitError::Lost(_))), "{stranger:?}");
}

/// A writer that died in a transaction would block its partitions for a whole transaction timeout.
#[test]
fn a_dead_writers_transaction_is_ended_by_its_successor() {
    let Some((broker, _lease)) = broker("a_dead_writers_transaction_is_ended_by_its_successor") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("dead"));
    let topic = create(&log, &prefix, "in", 1);
    let group = membership(&prefix, &topic, "one").group;
    let writer = format!("{group}.dead");
    let at = |next: u64| Position {
        app: "test".into(),
        timeline: 0,
        epoch: next,
        next: Offset(next),
        changelog: Offset(0),
        control: Offset(0),
        clock: engine::Timestamp(0),
        writer: writer.clone(),
    };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap);
    let dead: BaseProducer = config
        .clone()
        .set("transactional.id", &writer)
        .set("transaction.timeout.ms", "60000")
        .create()
        .unwrap();
    let consumer: BaseConsumer = config.set("group.id", &group).create().unwrap();
    let send = |next: u64| {
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, 0).set_metadata(at(next).to_string());
        list.set_partition_offset(&topic, 0, rdkafka::Offset::Offset(i64::try_from(next).unwrap())).unwrap();
        let metadata = consumer.group_metadata().unwrap();
        dead.begin_transaction().unwrap();
        dead.send_offsets_to_transaction(&list, &metadata, Duration::from_secs(10)).unwrap();
    };
    dead.init_transactions(Duration::from_secs(10)).unwrap();
    send(1);
    dead.commit_transaction(Duration::from_secs(10)).unwrap();
    send(2);
    let began = Instant::now();
    let (member, assigned) = join(&log, membership(&prefix, &topic, "one"), 1);
    let took = began.elapsed();
    assert_eq!(assigned[&Partition(0)], Some(position(1, &at(1).to_string())));
    assert!(took < Duration::from_secs(20), "the open transaction was waited for: {took:?}");
    eprintln!("taken over from a dead writer after {took:?}");
    member.leave().unwrap();
}
