//! What every log keeps, whatever it is made of. Each function takes a log and a prefix that nobody else uses.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{Input, Offset, Partition, Timestamp, partition_of};
use ports::{
    CommitError, Committed, ErrorKind, Header, Log, Member, MemberEvent, Membership, Outgoing, Reader,
    Record, Retention, TopicSpec, findings,
};

/// How long anything may take; machines that also build are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// One poll.
const POLL: Duration = Duration::from_millis(50);

/// Runs every function of the contract on a log, each as a test of its name. `$log` takes the name and what to run.
///
/// The list stands here alone, so that a new function is run on all logs.
#[macro_export]
macro_rules! contract {
    ($log:ident) => {
        $crate::contract! {
            $log;
            topics_are_created_once_and_described,
            a_missing_topic_is_misconfigured,
            records_read_back_as_they_were_written,
            keys_choose_the_partition,
            many_records_stay_in_order,
            readers_begin_where_they_are_told_and_see_the_end,
            a_commit_writes_records_and_positions_together,
            a_commit_that_is_refused_leaves_nothing_behind,
            a_member_that_comes_back_goes_on_from_its_positions,
            a_second_process_of_one_name_fences_the_first,
            a_poll_without_records_ends_in_time,
        }
    };
    ($log:ident; $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                $log(stringify!($name), |log, prefix| $crate::contract::$name(log, prefix));
            }
        )*
    };
}

pub fn create(log: &dyn Log, prefix: &str, name: &str, partitions: u32) -> String {
    let name = format!("{prefix}.{name}");
    let spec = TopicSpec { name: name.clone(), partitions, retention: Retention::Forever };
    log.create_topics(&[spec]).unwrap();
    name
}

pub fn record(topic: &str, partition: u32, value: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(Partition(partition)),
        timestamp: None,
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

pub fn membership(prefix: &str, topic: &str, name: &str) -> Membership {
    Membership { group: format!("{prefix}.group"), topic: topic.to_owned(), name: name.to_owned() }
}

pub fn position(next: u64, metadata: &str) -> Committed {
    Committed { next: Offset(next), metadata: metadata.to_owned() }
}

/// Reads that many records, and fails if they do not come.
pub fn read(reader: &mut dyn Reader, count: usize) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "read {} of {count} records", records.len());
        records.extend(reader.poll(count - records.len(), POLL).unwrap().records);
    }
    records
}

/// Reads a partition from an offset to the end that it has now.
pub fn read_from(log: &dyn Log, topic: &str, partition: u32, from: u64) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE;
    let mut reader = log.reader(topic, &[(Partition(partition), Offset(from))]).unwrap();
    let mut records = Vec::new();
    loop {
        let polled = reader.poll(10_000, POLL).unwrap();
        records.extend(polled.records);
        if polled.at_end {
            return records;
        }
        assert!(Instant::now() < deadline, "the end of {topic} does not come");
    }
}

/// Waits until something has this value. What a commit wrote is durable when it returns, and seen a moment later.
pub fn eventually<T: PartialEq + std::fmt::Debug>(expected: T, mut look: impl FnMut() -> T) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found == expected || Instant::now() >= deadline {
            assert_eq!(found, expected);
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The values of a partition, as text.
pub fn values(log: &dyn Log, topic: &str, partition: u32) -> Vec<String> {
    let text = |record: Record| String::from_utf8(record.value.unwrap().to_vec()).unwrap();
    read_from(log, topic, partition, 0).into_iter().map(text).collect()
}

pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Joins, and waits until so many partitions are assigned.
pub fn join(
    log: &dyn Log,
    membership: Membership,
    partitions: usize,
) -> (Box<dyn Member>, BTreeMap<Partition, Option<Committed>>) {
    let mut member = log.join(membership).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut assigned = BTreeMap::new();
    while assigned.len() < partitions {
        assert!(Instant::now() < deadline, "assigned: {assigned:?}");
        for event in member.poll(100, POLL).unwrap() {
            match event {
                MemberEvent::Assigned { partition, committed } => drop(assigned.insert(partition, committed)),
                other => panic!("before the assignment: {other:?}"),
            }
        }
    }
    (member, assigned)
}

/// Takes that many records from a member.
pub fn take(member: &mut dyn Member, count: usize) -> Vec<(Partition, Input)> {
    let deadline = Instant::now() + PATIENCE;
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(Instant::now() < deadline, "took {} of {count} records", taken.len());
        for event in member.poll(count - taken.len(), POLL).unwrap() {
            match event {
                MemberEvent::Records { partition, inputs } => {
                    taken.extend(inputs.into_iter().map(|input| (partition, input)));
                },
                other => panic!("instead of records: {other:?}"),
            }
        }
    }
    taken
}

pub fn topics_are_created_once_and_described(log: &dyn Log, prefix: &str) {
    let spec = |name: &str, partitions| TopicSpec {
        name: format!("{prefix}.{name}"),
        partitions,
        retention: Retention::Forever,
    };
    let (one, two) = (spec("one", 1), spec("two", 3));
    assert_eq!(log.create_topics(std::slice::from_ref(&one)).unwrap(), [one.name.as_str()]);
    assert_eq!(log.create_topics(&[one.clone(), two.clone()]).unwrap(), [two.name.as_str()]);
    assert_eq!(log.partitions(&two.name).unwrap(), 3);
    let missing = format!("{prefix}.missing");
    let states = log.inspect_topics(&[&two.name, &missing, &one.name]).unwrap();
    assert_eq!(findings(&two, &states[0]), [""; 0]);
    assert_eq!((&states[1].name, states[1].partitions), (&missing, None));
    assert_eq!(findings(&one, &states[2]), [""; 0]);
}

pub fn a_missing_topic_is_misconfigured(log: &dyn Log, prefix: &str) {
    let missing = format!("{prefix}.missing");
    assert_eq!(log.partitions(&missing).unwrap_err().kind, ErrorKind::Misconfigured);
    let reader = log.reader(&missing, &[(Partition(0), Offset(0))]).err().unwrap();
    assert_eq!(reader.kind, ErrorKind::Misconfigured);
    assert!(reader.message.contains(&missing), "{reader}");
    let member = log.join(membership(prefix, &missing, "one")).err().unwrap();
    assert_eq!(member.kind, ErrorKind::Misconfigured);
}

pub fn records_read_back_as_they_were_written(log: &dyn Log, prefix: &str) {
    let topic = create(log, prefix, "records", 1);
    let full = Outgoing {
        timestamp: Some(Timestamp(1_700_000_000_123)),
        key: Some("key".into()),
        headers: vec![Header::new("a", "1"), Header::new("empty", ""), Header::new("a", vec![0, 255])],
        ..record(&topic, 0, "value")
    };
    let tombstone = Outgoing { key: Some("key".into()), value: None, ..record(&topic, 0, "") };
    let bare = record(&topic, 0, "");
    let written = [full, tombstone, bare];
    let places = log.append(written.to_vec()).unwrap();
    let read = read_from(log, &topic, 0, 0);
    assert_eq!(read.len(), written.len());
    for ((read, written), place) in read.iter().zip(&written).zip(places) {
        assert_eq!((read.partition, read.offset), (place.partition, place.offset));
        assert_eq!((&read.key, &read.value), (&written.key, &written.value));
        assert_eq!(read.headers, written.headers);
        assert!(written.timestamp.is_none_or(|timestamp| timestamp == read.timestamp));
    }
}

pub fn keys_choose_the_partition(log: &dyn Log, prefix: &str) {
    let topic = create(log, prefix, "keyed", 4);
    let keys: Vec<_> = (0..40).map(|number| format!("customer-{number}")).collect();
    let keyed = |key: &String| Outgoing {
        partition: None,
        key: Some(key.clone().into()),
        ..record(&topic, 0, key.clone())
    };
    let places = log.append(keys.iter().map(keyed).collect()).unwrap();
    for (key, place) in keys.iter().zip(&places) {
        assert_eq!(place.partition, partition_of(key.as_bytes(), 4), "{key}");
        let found = read_from(log, &topic, place.partition.0, place.offset.0);
        assert_eq!(found[0].key.as_deref(), Some(key.as_bytes()));
    }
}

pub fn many_records_stay_in_order(log: &dyn Log, prefix: &str) {
    const RECORDS: u32 = 20_000;
    let topic = create(log, prefix, "many", 2);
    let records = (0..RECORDS).map(|number| record(&topic, number % 2, number.to_string()));
    let places = log.append(records.collect()).unwrap();
    assert!(places.iter().zip((0..2).cycle()).all(|(place, partition)| place.partition.0 == partition));
    let from: Vec<_> = [0, 1].map(|partition| (Partition(partition), Offset(0))).into();
    let mut next = [0, 1];
    for record in read(&mut *log.reader(&topic, &from).unwrap(), RECORDS as usize) {
        let expected = &mut next[record.partition.0 as usize];
        assert_eq!(record.value.unwrap(), expected.to_string());
        *expected += 2;
    }
    let (mut member, _) = join(log, membership(prefix, &topic, "one"), 2);
    member.start(Partition(0), Offset(0)).unwrap();
    member.start(Partition(1), Offset(0)).unwrap();
    let mut next = [0, 1];
    for (partition, input) in take(&mut *member, RECORDS as usize) {
        let expected = &mut next[partition.0 as usize];
        assert_eq!(input.value.unwrap(), expected.to_string());
        *expected += 2;
    }
    member.leave().unwrap();
}

pub fn readers_begin_where_they_are_told_and_see_the_end(log: &dyn Log, prefix: &str) {
    let topic = create(log, prefix, "read", 2);
    let numbers = (0..10).map(|number| record(&topic, number % 2, number.to_string()));
    log.append(numbers.collect()).unwrap();
    let mut reader = log.reader(&topic, &[(Partition(0), Offset(3)), (Partition(1), Offset(5))]).unwrap();
    let (mut seen, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    loop {
        let polled = reader.poll(1, POLL).unwrap();
        assert!(polled.records.len() <= 1);
        seen.extend(polled.records.into_iter().map(|record| record.value.unwrap()));
        if polled.at_end && seen.len() == 2 {
            break;
        }
        assert!(Instant::now() < deadline, "seen {seen:?}");
    }
    assert_eq!(seen, ["6", "8"]);
    log.append(vec![record(&topic, 1, "later")]).unwrap();
    assert_eq!(read(&mut *reader, 1)[0].value.as_deref(), Some(&b"later"[..]));
    let bounds = log.bounds(&topic, Partition(1)).unwrap();
    assert_eq!((bounds.start, bounds.end), (Offset(0), Offset(6)));
}

pub fn a_commit_writes_records_and_positions_together(log: &dyn Log, prefix: &str) {
    let (topic, alerts, changelog) =
        (create(log, prefix, "in", 2), create(log, prefix, "alerts", 2), create(log, prefix, "changelog", 2));
    let (mut member, assigned) = join(log, membership(prefix, &topic, "one"), 2);
    assert_eq!(assigned, BTreeMap::from([(Partition(0), None), (Partition(1), None)]));
    let records =
        vec![record(&alerts, 1, "alert"), record(&changelog, 1, "first"), record(&changelog, 1, "second")];
    let places = member
        .commit(records, &|places| {
            assert_eq!(places.len(), 3);
            vec![(Partition(1), position(7, &format!("after {}", places[2].offset)))]
        })
        .unwrap();
    assert!(places.iter().all(|place| place.partition == Partition(1)));
    assert!(places[1].offset < places[2].offset);
    eventually(strings(&["alert"]), || values(log, &alerts, 1));
    eventually(strings(&["first", "second"]), || values(log, &changelog, 1));
    let expected = position(7, &format!("after {}", places[2].offset));
    let group = format!("{prefix}.group");
    eventually(vec![None, Some(expected.clone())], || log.committed(&group, &topic).unwrap());
    assert_eq!(log.committed(&format!("{prefix}.other"), &topic).unwrap(), [None, None]);
    // Positions alone are a commit too.
    assert_eq!(member.commit(Vec::new(), &|_| vec![(Partition(0), position(1, "alone"))]).unwrap(), []);
    eventually(vec![Some(position(1, "alone")), Some(expected)], || log.committed(&group, &topic).unwrap());
    member.leave().unwrap();
}

pub fn a_commit_that_is_refused_leaves_nothing_behind(log: &dyn Log, prefix: &str) {
    let (topic, alerts) = (create(log, prefix, "in", 1), create(log, prefix, "alerts", 1));
    let (mut member, _) = join(log, membership(prefix, &topic, "one"), 1);
    let large = record(&alerts, 0, vec![b'x'; 2 << 20]);
    let refused = member
        .commit(vec![record(&alerts, 0, "small"), large.clone()], &|_| {
            vec![(Partition(0), position(1, "large"))]
        })
        .unwrap_err();
    let CommitError::Fatal(problem) = refused else { panic!("{refused:?}") };
    assert_eq!(problem.kind, ErrorKind::Refused);
    assert!(problem.message.contains(&alerts), "{problem}");
    assert_eq!(values(log, &alerts, 0), [""; 0]);
    assert_eq!(log.committed(&format!("{prefix}.group"), &topic).unwrap(), [None]);
    assert_eq!(log.append(vec![large]).unwrap_err().kind, ErrorKind::Refused);
    member
        .commit(vec![record(&alerts, 0, "small")], &|_| vec![(Partition(0), position(1, "small"))])
        .unwrap();
    eventually(strings(&["small"]), || values(log, &alerts, 0));
    member.leave().unwrap();
}

pub fn a_member_that_comes_back_goes_on_from_its_positions(log: &dyn Log, prefix: &str) {
    let (topic, out) = (create(log, prefix, "in", 1), create(log, prefix, "out", 1));
    log.append((0..10).map(|number| record(&topic, 0, number.to_string())).collect()).unwrap();
    let mut from = Offset(0);
    for life in 0..3 {
        let (mut member, assigned) = join(log, membership(prefix, &topic, "one"), 1);
        let committed = assigned[&Partition(0)].clone();
        let expected = (life > 0).then(|| position(from.0, &format!("life {}", life - 1)));
        assert_eq!(committed, expected);
        member.start(Partition(0), from).unwrap();
        let taken = take(&mut *member, 3);
        assert_eq!(taken[0].1.offset, from);
        from = taken[2].1.offset.next();
        let copies = taken.into_iter().map(|(_, input)| record(&out, 0, input.value.unwrap()));
        let metadata = format!("life {life}");
        member.commit(copies.collect(), &|_| vec![(Partition(0), position(from.0, &metadata))]).unwrap();
        if life == 0 {
            // Not every life ends in order.
            drop(member);
        } else {
            member.leave().unwrap();
        }
    }
    assert_eq!(values(log, &out, 0), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

pub fn a_second_process_of_one_name_fences_the_first(log: &dyn Log, prefix: &str) {
    let (topic, out) = (create(log, prefix, "in", 1), create(log, prefix, "out", 1));
    let (mut first, _) = join(log, membership(prefix, &topic, "one"), 1);
    first.commit(vec![record(&out, 0, "first")], &|_| vec![(Partition(0), position(1, "first"))]).unwrap();
    let (mut second, assigned) = join(log, membership(prefix, &topic, "one"), 1);
    assert_eq!(assigned[&Partition(0)], Some(position(1, "first")));
    let deadline = Instant::now() + PATIENCE;
    let fenced = loop {
        match first.poll(10, POLL) {
            Err(problem) => break problem,
            Ok(_) => assert!(Instant::now() < deadline, "the first is not told"),
        }
    };
    assert_eq!(fenced.kind, ErrorKind::Fenced, "{fenced}");
    let refused = first.commit(vec![record(&out, 0, "late")], &|_| vec![(Partition(0), position(2, "late"))]);
    assert!(matches!(refused, Err(CommitError::Fatal(_) | CommitError::Lost(_))), "{refused:?}");
    drop(first);
    second.commit(vec![record(&out, 0, "second")], &|_| vec![(Partition(0), position(2, "second"))]).unwrap();
    eventually(strings(&["first", "second"]), || values(log, &out, 0));
    second.leave().unwrap();
}

pub fn positions_of_a_group_without_members_can_be_set(log: &dyn Log, prefix: &str) {
    let topic = create(log, prefix, "events", 2);
    log.append((0..3).map(|number| record(&topic, 1, format!("{number}"))).collect()).unwrap();
    let group = membership(prefix, &topic, "one").group;
    let seed = [(Partition(0), position(0, "none")), (Partition(1), position(2, "two"))];
    log.seed(&group, &topic, &seed).unwrap();
    let expected = vec![Some(seed[0].1.clone()), Some(seed[1].1.clone())];
    eventually(expected, || log.committed(&group, &topic).unwrap());
    let other = log.committed(&format!("{prefix}.other"), &topic).unwrap();
    assert_eq!(other, [None, None], "another group's are its own");
    let again = [(Partition(1), position(1, "one"))];
    log.seed(&group, &topic, &again).unwrap();
    eventually(Some(again[0].1.clone()), || log.committed(&group, &topic).unwrap().remove(1));
}

pub fn a_poll_without_records_ends_in_time(log: &dyn Log, prefix: &str) {
    let topic = create(log, prefix, "in", 1);
    let (mut member, _) = join(log, membership(prefix, &topic, "one"), 1);
    member.start(Partition(0), Offset(0)).unwrap();
    let mut reader = log.reader(&topic, &[(Partition(0), Offset(0))]).unwrap();
    let began = Instant::now();
    assert!(member.poll(10, POLL).unwrap().is_empty());
    assert!(reader.poll(10, POLL).unwrap().records.is_empty());
    assert!(began.elapsed() < PATIENCE / 10, "took {:?}", began.elapsed());
    log.append(vec![record(&topic, 0, "now")]).unwrap();
    assert_eq!(take(&mut *member, 1).len(), 1);
    assert_eq!(read(&mut *reader, 1).len(), 1);
    member.leave().unwrap();
}
