//! The router on a real Kafka: producers with both partitioners, raw JSON, kills in the middle; everything comes once, in
//! its customer's partition.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests panic when something is wrong, and print their seed"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Partition, partition_of};
use ports::{Log, Record, Retention, TopicSpec, Topics, header};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use tests::harness::kafka::{broker, prefix};
use tests::harness::process::Tocsin;
use tests::harness::role::Role;
use tests::harness::{audit, wait_for};
use tests::workload::{Random, customer};

const PATIENCE: Duration = Duration::from_secs(240);
const CUSTOMERS: usize = 12;
const OUTPUTS: u32 = 4;

/// A record that cannot become an event.
const NO_CUSTOMER: &str = "{\"tenant\": {}}";

/// A producer as somebody else writes one. Without a partitioner it is librdkafka's own: crc32 of the key.
fn producer(bootstrap: &str, partitioner: Option<&str>) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("linger.ms", "5").set("enable.idempotence", "true");
    if let Some(partitioner) = partitioner {
        config.set("partitioner", partitioner);
    }
    config.create().unwrap()
}

fn raw(index: usize, number: usize) -> String {
    json!({"tenant": {"id": customer(index).to_uppercase()}, "number": number, "probe": 1}).to_string()
}

/// The number that an event was made with.
fn number(event: &Record) -> u64 {
    let event: Value = serde_json::from_slice(event.value.as_deref().unwrap()).unwrap();
    event["payload"]["number"].as_u64().unwrap()
}

/// Every event came once, in its customer's partition, and those of one producer in their order.
fn check_events(events: &[Record], sent: &BTreeMap<usize, Vec<u64>>) {
    let mut came: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in events {
        let key = event.key.as_deref().unwrap();
        assert_eq!(event.partition, partition_of(key, OUTPUTS));
        came.entry(String::from_utf8(key.to_vec()).unwrap()).or_default().push(number(event));
    }
    for (index, sent) in sent {
        let mut came = came.remove(&customer(*index)).unwrap_or_default();
        // The two producers put a customer into two partitions, and what comes of each keeps its order.
        for producer in 0..2 {
            let of = |numbers: &[u64]| -> Vec<u64> {
                numbers.iter().copied().filter(|number| number % 2 == producer).collect()
            };
            assert_eq!(of(&came), of(sent), "order of customer {index}, producer {producer}");
        }
        came.sort_unstable();
        assert_eq!(&came, sent, "customer {index}");
    }
    assert_eq!(came.len(), 0);
}

/// Each customer's count has come to what was sent, one by one.
fn check_counts(alerts: &[Value], sent: &BTreeMap<usize, Vec<u64>>) {
    let mut counts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for alert in alerts {
        let customer = alert["customerId"].as_str().unwrap().to_owned();
        counts.entry(customer).or_default().push(alert["value"].as_u64().unwrap());
    }
    for (index, sent) in sent {
        let all: Vec<u64> = (1..=sent.len() as u64).collect();
        assert_eq!(counts.get(&customer(*index)), Some(&all), "customer {index}");
    }
}

#[test]
fn events_of_any_producer_reach_their_customers_partition_once_through_kills() {
    const EVENTS: usize = 12_000;
    const ROUNDS: usize = 6;
    let test = "events_of_any_producer_reach_their_customers_partition_once_through_kills";
    let Some((broker, _lease)) = broker(test) else { return };
    let seed = 4711;
    println!("seed {seed}");
    let mut random = Random(seed);
    let (log, app) = (broker.log(), prefix("router"));
    let (input, topics) =
        (format!("{app}.raw"), Topics { events: format!("{app}.events"), ..Topics::of(&app) });
    let spec =
        |name: &str, partitions| TopicSpec { name: name.to_owned(), partitions, retention: Retention::Any };
    log.create_topics(&[spec(&input, 3), spec(&topics.events, OUTPUTS)]).unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("tocsin.toml");
    let text = format!(
        "topics.events = '{}'\n[router]\ninput = '{input}'\ncustomer = '$.tenant.id'\npayload = '$'\nfrom = 'beginning'",
        topics.events
    );
    std::fs::write(&config, text).unwrap();
    let arguments: Vec<String> =
        ["--kafka", &broker.bootstrap, "--app", &app, "--config", config.to_str().unwrap()]
            .map(str::to_owned)
            .to_vec();
    let start = || Role::start("router", &data.path().join("router"), &arguments);

    // Behind the router stands the product, which counts what arrives.
    let flags: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let product = Tocsin::start(&data.path().join("product"), &flags);
    let global = json!("deadbeef-dead-beef-dead-beefdeadbeef");
    product.http.rule(&json!({
        "customerId": global, "alertName": "each", "match": "$.probe", "threshold": 1, "alertPolicy": {"mode": "every"}
    }));

    let mut router = start();
    let producers = [producer(&broker.bootstrap, None), producer(&broker.bootstrap, Some("murmur2_random"))];
    let mut sent: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    let numbers: Vec<usize> = (0..EVENTS).collect();
    for (round, share) in numbers.chunks(EVENTS / ROUNDS).enumerate() {
        for &number in share {
            let index = random.below(CUSTOMERS);
            sent.entry(index).or_default().push(number as u64);
            let (key, value) = (customer(index), raw(index, number));
            let record = BaseRecord::to(&input).key(&key).payload(&value);
            producers[number % 2].send(record).unwrap();
        }
        producers[0].send(BaseRecord::to(&input).key("nobody").payload(NO_CUSTOMER)).unwrap();
        producers.iter().for_each(|producer| producer.flush(PATIENCE).unwrap());
        if round + 1 < ROUNDS {
            std::thread::sleep(Duration::from_millis(random.number() % 400));
            router.kill9();
            router = start();
        }
    }
    let group = format!("{app}.router");
    wait_for("everything to be routed", PATIENCE, || {
        let committed = log.committed(&group, &input).unwrap();
        let done = committed.iter().flatten().count() == 3 && audit::is_caught_up(&log, &group, &input);
        done.then_some(())
    });
    assert_eq!(router.stop(), Some(0));

    check_events(&audit::records(&log, &topics.events), &sent);
    let letters = audit::records(&log, &format!("{app}.router-dead-letters"));
    let reasons: Vec<_> =
        letters.iter().map(|letter| header(&letter.headers, "reason").unwrap().to_vec()).collect();
    assert_eq!(reasons, vec![b"TOC-2004".to_vec(); ROUNDS]);

    // Nothing was misplaced.
    wait_for("all events to be evaluated", PATIENCE, || {
        audit::is_caught_up(&log, &app, &topics.events).then_some(())
    });
    assert_eq!(audit::records(&log, &topics.dead_letters).len(), 0);
    check_counts(&audit::values(&log, &topics.alerts), &sent);
    assert_eq!(product.stop(), Some(0));
}

/// What the router is for: without it, events of librdkafka's own partitioner are dead letters of the worker.
#[test]
fn a_misplaced_event_is_a_dead_letter_that_names_the_partitioner() {
    let Some((broker, _lease)) = broker("a_misplaced_event_is_a_dead_letter_that_names_the_partitioner")
    else {
        return;
    };
    let (log, app) = (broker.log(), prefix("misplaced"));
    let topics = Topics { events: format!("{app}.events"), ..Topics::of(&app) };
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("tocsin.toml");
    std::fs::write(&config, format!("topics.events = '{}'", topics.events)).unwrap();
    let flags = ["--kafka", &broker.bootstrap, "--app", &app, "--config", config.to_str().unwrap()];
    let product = Tocsin::start(&data.path().join("product"), &flags);
    let producer = producer(&broker.bootstrap, None);
    for index in 0..CUSTOMERS {
        let (key, value) =
            (customer(index), json!({"customerId": customer(index), "payload": {}}).to_string());
        producer.send(BaseRecord::to(&topics.events).key(&key).payload(&value)).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    wait_for("all events to be evaluated", PATIENCE, || {
        audit::is_caught_up(&log, &app, &topics.events).then_some(())
    });
    let misplaced: Vec<_> = audit::records(&log, &topics.events)
        .into_iter()
        .filter(|event| event.partition != partition_of(event.key.as_deref().unwrap(), OUTPUTS))
        .collect();
    let letters = audit::records(&log, &topics.dead_letters);
    assert!(!misplaced.is_empty());
    assert_eq!(letters.len(), misplaced.len());
    for letter in letters {
        let text = |name: &str| String::from_utf8(header(&letter.headers, name).unwrap().to_vec()).unwrap();
        let home = partition_of(letter.key.as_deref().unwrap(), OUTPUTS);
        assert_ne!(Partition(text("partition").parse().unwrap()), home);
        assert_eq!(text("reason"), "TOC-2010");
        assert!(text("detail").contains("murmur2"), "{}", text("detail"));
    }
    assert_eq!(product.stop(), Some(0));
}
