//! What an operator may have set wrong, and what retention may have removed.

use std::time::{Duration, Instant};

use connectors::kafka::{KafkaLog, Settings};
use engine::{Offset, Partition};
use ports::{ErrorKind, Log};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, TopicPartitionList};
use tests::contract::{create, join, membership, record, take};
use tests::harness::kafka::{broker, prefix};

#[test]
fn no_broker_is_unavailable_and_a_bad_setting_is_named() {
    let mut settings = Settings::new("127.0.0.1:1", "tests");
    settings.timeout = Duration::from_millis(300);
    let log = KafkaLog::connect(settings.clone()).unwrap();
    let away = log.inspect_topics(&["any"]).err().unwrap();
    assert_eq!(away.kind, ErrorKind::Unavailable);
    assert!(away.message.contains("127.0.0.1:1"), "{away}");
    settings.extra.insert("no.such.setting".into(), "1".into());
    let refused = KafkaLog::connect(settings).err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Misconfigured);
    assert!(refused.message.contains("no.such.setting"), "{refused}");
}

#[test]
fn a_session_shorter_than_the_broker_allows_is_misconfigured() {
    let Some((broker, _lease)) = broker("a_session_shorter_than_the_broker_allows_is_misconfigured") else {
        return;
    };
    let prefix = prefix("session");
    let mut settings = broker.settings();
    settings.extra.insert("session.timeout.ms".into(), "1000".into());
    let log = KafkaLog::connect(settings).unwrap();
    let topic = create(&log, &prefix, "in", 1);
    let mut member = log.join(membership(&prefix, &topic, "one")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let refused = loop {
        match member.poll(1, Duration::from_millis(20)) {
            Err(problem) => break problem,
            Ok(_) => assert!(Instant::now() < deadline, "nothing is said"),
        }
    };
    assert_eq!(refused.kind, ErrorKind::Misconfigured);
    assert!(refused.message.contains("session.timeout.ms"), "{refused}");
    assert_eq!(member.poll(1, Duration::ZERO).unwrap_err(), refused, "it lasts");
}

#[test]
fn what_retention_has_removed_is_gone() {
    let Some((broker, _lease)) = broker("what_retention_has_removed_is_gone") else {
        return;
    };
    let (log, prefix) = (broker.log(), prefix("gone"));
    let topic = create(&log, &prefix, "in", 1);
    log.append((0..10).map(|number| record(&topic, 0, number.to_string())).collect()).unwrap();
    remove_before(&broker.bootstrap, &topic, 4);
    assert_eq!(log.bounds(&topic, Partition(0)).unwrap().start, Offset(4));
    let gone = log.reader(&topic, &[(Partition(0), Offset(3))]).err().unwrap();
    assert_eq!(gone.kind, ErrorKind::Gone);
    assert!(gone.message.contains("begins at 4"), "{gone}");

    let (mut member, _) = join(&log, membership(&prefix, &topic, "one"), 1);
    let gone = member.start(Partition(0), Offset(3)).unwrap_err();
    assert_eq!(gone.kind, ErrorKind::Gone);
    assert!(gone.message.contains("offset 3"), "{gone}");
    member.start(Partition(0), Offset(4)).unwrap();
    assert_eq!(take(&mut *member, 1)[0].1.offset, Offset(4));
    member.leave().unwrap();
}

fn remove_before(bootstrap: &str, topic: &str, offset: i64) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Offset(offset)).unwrap();
    let removing = admin.delete_records(&list, &AdminOptions::new());
    let mut removing = std::pin::pin!(removing);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    tests::harness::wait_for("records to be removed", Duration::from_secs(20), || {
        removing.as_mut().poll(&mut context).is_ready().then_some(())
    });
}
