//! Whole runs against a stand-in: a sound one is found exact, each kind of fault is found out.
//! The Kafka run needs a broker, named by `LOADGEN_TEST_KAFKA`, and is run on demand; the tests of the product run this program on a broker, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Parser;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;

use super::*;
use crate::arguments::{Arguments, Command};
use crate::kafka;
use crate::testing::stand_in::{Fault, StandIn};

fn settings(target: &str, more: &[&str]) -> Run {
    let token = std::env::temp_dir().join(format!("loadgen-{}.token", Uuid::new_v4()));
    std::fs::write(&token, "secret\n").expect("the temporary folder can be written");
    let token = token.to_str().expect("is text").to_owned();
    let mut line = vec!["loadgen", "run", "--target", target, "--token-file", &token, "--warmup", "200ms"];
    line.extend(["--settle", "0s", "--customers", "4", "--rules", "5", "--probe-every", "10"]);
    line.extend(more);
    let Command::Run(settings) = Arguments::parse_from(line).command else { panic!("the command is `run`") };
    *settings
}

fn json(settings: &Run) -> Value {
    let report = run(settings).expect("the run is completed");
    std::fs::remove_file(&settings.token_file).expect("the token file is still there");
    serde_json::to_value(&report).expect("a report is JSON")
}

fn http_run(fault: Fault) -> (Value, usize) {
    let (stand_in, server) = StandIn::start(fault);
    let report =
        json(&settings(&server.address, &["--rate", "2000", "--duration", "1s", "--drain", "500ms"]));
    (report, stand_in.rules())
}

#[test]
fn a_sound_system_is_exact_and_its_rules_are_taken_away() {
    let (report, rules) = http_run(Fault::None);
    assert_eq!(
        (&report["exact"], &report["load"]["eventsAccepted"]),
        (&Value::Bool(true), &Value::from(2_000))
    );
    assert_eq!(
        (&report["alerts"]["expected"], &report["alerts"]["seen"]),
        (&Value::from(20), &Value::from(20))
    );
    assert!(
        report["alertLatency"]["count"].as_u64().is_some_and(|count| (10..20).contains(&count)),
        "{report}"
    );
    assert_eq!(rules, 0);
}

#[test]
fn a_lost_alert_is_found() {
    let (report, _) = http_run(Fault::LosesOne);
    assert_eq!(
        (&report["exact"], &report["alerts"]["lost"], &report["extra"]),
        (&Value::Bool(false), &Value::from(1), &Value::from(0))
    );
}

#[test]
fn a_repeated_alert_is_found() {
    let (report, _) = http_run(Fault::RepeatsOne);
    assert_eq!(
        (&report["alerts"]["lost"], &report["alerts"]["repeated"]),
        (&Value::from(0), &Value::from(1))
    );
}

#[test]
fn counting_twice_is_found_by_the_silent_rules() {
    let (report, _) = http_run(Fault::CountsTwice);
    assert_eq!(report["alerts"]["unexpected"], 4, "one rule of each of the four customers: {report}");
    assert!(report["alerts"]["early"].as_u64() > Some(0));
}

#[test]
fn a_server_that_is_not_there_is_the_other_sides_failure() {
    let settings = settings("http://127.0.0.1:1", &["--duration", "1s"]);
    let error = run(&settings).expect_err("nobody listens on port 1");
    assert_eq!(crate::failure::exit_code(&error), 3);
    std::fs::remove_file(&settings.token_file).expect("the token file is still there");
}

#[test]
fn a_run_that_could_cause_no_alert_is_refused() {
    let settings = settings("http://127.0.0.1:1", &["--duration", "0s"]);
    let error = run(&settings).expect_err("is refused");
    assert_eq!(crate::failure::exit_code(&error), 2, "{error:#}");
    std::fs::remove_file(&settings.token_file).expect("the token file is still there");
}

#[test]
#[ignore = "needs a broker: LOADGEN_TEST_KAFKA=host:port cargo test --workspace --bin loadgen -- --ignored"]
fn over_kafka_only_committed_alerts_count() {
    let broker = std::env::var("LOADGEN_TEST_KAFKA").expect("LOADGEN_TEST_KAFKA names a broker");
    let (events, alerts) = (format!("events-{}", Uuid::new_v4()), format!("alerts-{}", Uuid::new_v4()));
    let producer = transactional(&broker);
    // Written once, so that both topics are there (brokers make them by default) and the alerts have a past.
    transaction(&producer, &[(&events, "{}"), (&alerts, "{}")], true);
    let (stand_in, server) = StandIn::start(Fault::None);
    let stop = Arc::new(AtomicBool::new(false));
    let worker = {
        let (broker, events, alerts, stop, stand_in) =
            (broker.clone(), events.clone(), alerts.clone(), Arc::clone(&stop), stand_in.clone());
        thread::spawn(move || work(&broker, &events, &alerts, &producer, &stand_in, &stop))
    };
    let more = [
        "--rate",
        "2000",
        "--duration",
        "2s",
        "--kafka",
        &broker,
        "--events-topic",
        &events,
        "--alerts-topic",
        &alerts,
    ];
    let report = json(&settings(&server.address, &more));
    stop.store(true, Ordering::Relaxed);
    worker.join().expect("the worker ends well");
    assert_eq!(
        (&report["exact"], &report["alerts"]["seen"]),
        (&Value::Bool(true), &Value::from(20)),
        "{report}"
    );
    assert_eq!(stand_in.rules(), 0);
    for work in [Work::Consume, Work::Parse] {
        let cost = reference::measure(work, &broker, &events, u64::MAX).expect("is measured");
        assert_eq!((cost.events, cost.not_json), (4_001, if work == Work::Parse { 1 } else { 0 }));
    }
}

fn transactional(broker: &str) -> BaseProducer {
    let id = Uuid::new_v4().to_string();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("transactional.id", &id).set("linger.ms", "0");
    let producer: BaseProducer = config.create().expect("the settings are fine");
    producer.init_transactions(Duration::from_secs(30)).expect("the broker answers");
    producer
}

fn transaction(producer: &BaseProducer, records: &[(&str, &str)], commit: bool) {
    let patience = Duration::from_secs(30);
    producer.begin_transaction().expect("none is open");
    for (topic, value) in records {
        producer
            .send(BaseRecord::<str, str>::to(topic).payload(value))
            .map_err(|(error, _)| error)
            .expect("has room");
    }
    producer.flush(patience).expect("the broker answers");
    let end =
        if commit { producer.commit_transaction(patience) } else { producer.abort_transaction(patience) };
    end.expect("the broker answers");
}

/// What a worker does, but that every transaction is aborted once before it is committed.
fn work(
    broker: &str,
    events: &str,
    alerts: &str,
    producer: &BaseProducer,
    stand_in: &StandIn,
    stop: &AtomicBool,
) {
    let consumer: BaseConsumer = kafka::consumer(broker).create().expect("the settings are fine");
    let mut assignment = TopicPartitionList::new();
    for partition in
        kafka::partitions(&consumer, broker, events, Duration::from_secs(10)).expect("the topic is there")
    {
        assignment.add_partition_offset(events, partition, Offset::Beginning).expect("is valid");
    }
    consumer.assign(&assignment).expect("is valid");
    while !stop.load(Ordering::Relaxed) {
        let Some(Ok(record)) = consumer.poll(Duration::from_millis(50)) else {
            continue;
        };
        let envelope = record.payload_view::<str>().expect("has a value").expect("is text");
        if envelope == "{}" {
            continue;
        }
        let caused = stand_in.event(envelope);
        if !caused.is_empty() {
            let records: Vec<(&str, &str)> = caused.iter().map(|alert| (alerts, alert.as_str())).collect();
            transaction(producer, &records, false);
            transaction(producer, &records, true);
        }
    }
}
