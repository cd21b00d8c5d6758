//! The tables of the inbox, compared with a fold of all records from scratch: for any cut into batches, with writers
//! that stop anywhere and others beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::projections::{begin_anew, look, reached};
use super::super::testing::{Database, on_both};
use super::*;
use crate::alerts::inbox::item::tests::{CUSTOMER, reading, record};

/// One record of the topic: which alert, and what it says.
type Said = (u128, &'static str);

/// What the topic comes to, from scratch.
fn oracle(topic: &[Said]) -> Vec<Item> {
    let mut items: BTreeMap<u128, Item> = BTreeMap::new();
    let mut numbers = 0;
    for (second, (instance, state)) in (0..).zip(topic) {
        let reading = reading(*instance, state, second);
        let item = match items.remove(instance) {
            Some(item) => item.fold(reading, 0),
            None => {
                numbers += 1;
                Item::begin(reading, numbers, 0)
            },
        };
        items.insert(*instance, item);
    }
    let mut items: Vec<Item> = items.into_values().collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.number));
    items
}

fn readings(topic: &[Said], from: usize, to: usize) -> Vec<Reading> {
    let second = |place: usize| u32::try_from(place).unwrap();
    (from..to).map(|place| reading(topic[place].0, topic[place].1, second(place))).collect()
}

async fn all(records: &Records) -> Vec<Item> {
    list(records, &Wanted { limit: 1_000, ..Wanted::default() }).await.unwrap()
}

/// A step of one of two servers: which one, how many records it takes, and whether it forgets all before.
type Step = (usize, usize, bool);

async fn run(database: &Database, topic: &[Said], steps: &[Step]) {
    let servers = [database.records(), database.records()];
    let mut known: [Option<Reached>; 2] = [None, None];
    // At the end one server reads the rest.
    for (server, count, forgets) in steps.iter().copied().chain([(0, 1_000, true), (0, 1_000, false)]) {
        if forgets {
            known[server] = None;
        }
        let records = &servers[server];
        let at = match known[server].take() {
            Some(at) => at,
            None => reached(records, Projection::Inbox, 1).await.unwrap(),
        };
        let from = usize::try_from(at.next[0]).unwrap();
        let to = (from + count).min(topic.len());
        let batch = readings(topic, from, to);
        known[server] = Some(match apply(records, &at, &[to as u64], batch).await.unwrap() {
            Applied::Done { foreign } => {
                assert_eq!(foreign, 0);
                Reached { next: vec![to as u64], ..at }
            },
            Applied::Elsewhere(there) => there,
        });
    }
    assert_eq!(all(&servers[0]).await, oracle(topic));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_record_is_in_it_once_however_it_is_read(
        topic in prop::collection::vec(
            (0..5_u128, prop::sample::select(vec!["firing", "updated", "resolved", "suppressed"])), 0..40),
        steps in prop::collection::vec((0..2_usize, 0..9_usize, any::<bool>()), 0..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { run(&Database::sqlite(), &topic, &steps).await });
    }
}

#[tokio::test]
async fn two_servers_write_every_record_once() {
    on_both("two_servers_write_every_record_once", async |database| {
        let topic: Vec<Said> =
            (0..60).map(|place| (place % 7, if place % 3 == 0 { "firing" } else { "updated" })).collect();
        let topic = Arc::new(topic);
        let write = |records: Records, topic: Arc<Vec<Said>>| async move {
            let mut at = reached(&records, Projection::Inbox, 1).await.unwrap();
            while at.next[0] < 60 {
                let from = usize::try_from(at.next[0]).unwrap();
                let batch = readings(&topic, from, from + 1);
                match apply(&records, &at, &[at.next[0] + 1], batch).await.unwrap() {
                    Applied::Done { .. } => at.next[0] += 1,
                    Applied::Elsewhere(there) => at = there,
                }
            }
        };
        // Servers share a PostgreSQL, which lets one of them make the tables; SQLite has one server.
        database.records().ready().await.unwrap();
        let one = tokio::spawn(write(database.records(), Arc::clone(&topic)));
        let two = tokio::spawn(write(database.records(), Arc::clone(&topic)));
        one.await.unwrap();
        two.await.unwrap();
        assert_eq!(all(&database.records()).await, oracle(&topic));
    })
    .await;
}

#[tokio::test]
async fn reading_anew_counts_anew_and_keeps_what_people_did_and_what_has_expired() {
    on_both("reading_anew_counts_anew_and_keeps_what_people_did_and_what_has_expired", async |database| {
        let records = database.records();
        let topic: [Said; 3] = [(1, "firing"), (2, "firing"), (2, "resolved")];
        let at = reached(&records, Projection::Inbox, 1).await.unwrap();
        apply(&records, &at, &[3], readings(&topic, 0, 3)).await.unwrap();
        let done = Change { status: Some(Status::Closed), note: "n".to_owned(), ..Change::default() };
        let id = Uuid::from_u128(2);
        let now = Timestamp(1_800_000_000_000);
        assert!(matches!(change(&records, id, None, done, "ann", now).await.unwrap(), Changed::Done(_)));
        let begun = begin_anew(&records, Projection::Inbox, &[1]).await.unwrap();
        assert_eq!((begun.generation, &begun.next), (1, &vec![1]));
        assert_eq!(look(&records, Projection::Inbox).await.unwrap(), begun);
        let late = apply(&records, &at, &[3], readings(&topic, 0, 3)).await.unwrap();
        assert_eq!(late, Applied::Elsewhere(begun.clone()));
        apply(&records, &begun, &[3], readings(&topic, 1, 3)).await.unwrap();
        let items = all(&records).await;
        let told: Vec<_> = items.iter().map(|item| (item.instance, item.records, item.status)).collect();
        assert_eq!(told, [(id, 2, Status::Closed), (Uuid::from_u128(1), 1, Status::Open)]);
        let fewer = begin_anew(&records, Projection::Inbox, &[]).await.unwrap();
        assert_eq!(look(&records, Projection::Inbox).await.unwrap(), fewer);
    })
    .await;
}

#[tokio::test]
async fn changes_are_of_one_customer_in_their_order_and_may_expect_a_version() {
    on_both("changes_are_of_one_customer_in_their_order_and_may_expect_a_version", async |database| {
        let records = database.records();
        let at = reached(&records, Projection::Inbox, 1).await.unwrap();
        apply(&records, &at, &[1], vec![reading(1, "firing", 0)]).await.unwrap();
        let (id, own) = (Uuid::from_u128(1), CUSTOMER.parse().ok());
        let assign = |expected| Change { assignee: Some("bob".to_owned()), expected, ..Change::default() };
        let missing = change(&records, id, Some(CustomerId::GLOBAL), assign(None), "eve", Timestamp(1)).await;
        assert_eq!(missing.unwrap(), Changed::Missing);
        let stale = change(&records, id, own, assign(Some(7)), "ann", Timestamp(2)).await.unwrap();
        assert!(matches!(stale, Changed::Stale(item) if item.version == 1));
        let done = change(&records, id, own, assign(Some(1)), "ann", Timestamp(3)).await.unwrap();
        assert!(matches!(done, Changed::Done(item) if (item.version, item.assignee.as_str()) == (2, "bob")));
        let close =
            Change { status: Some(Status::Closed), note: "false alarm".to_owned(), ..Change::default() };
        change(&records, id, None, close, "root", Timestamp(4)).await.unwrap();
        let told: Vec<_> = actions(&records, id)
            .await
            .unwrap()
            .into_iter()
            .map(|action| {
                (action.version, action.at.0, action.who, action.status, action.assignee, action.note)
            })
            .collect();
        let [one, two] = &told[..] else { panic!("{told:?}") };
        let text = str::to_owned;
        assert_eq!(*one, (2, 3, text("ann"), Status::Open, text("bob"), text("")));
        assert_eq!(*two, (3, 4, text("root"), Status::Closed, text("bob"), text("false alarm")));
        let closed = Wanted { status: "closed".to_owned(), limit: 9, ..Wanted::default() };
        assert_eq!(list(&records, &closed).await.unwrap().len(), 1);
        let active = Wanted { status: "active".to_owned(), limit: 9, ..Wanted::default() };
        assert_eq!(list(&records, &active).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_record_cannot_take_an_alert_over_and_the_oldest_make_room_for_their_customer_alone() {
    on_both("a_record_cannot_take_an_alert_over", async |database| {
        const OTHER: &str = "11111111-2222-4333-8444-555555555555";
        let records = database.records();
        let at = reached(&records, Projection::Inbox, 1).await.unwrap();
        let mut batch = vec![reading(1_000, "firing", 0)];
        batch.push(Reading::read(record(1_000, OTHER, "resolved", 1).as_bytes()).unwrap());
        batch.push(Reading::read(record(2_000, OTHER, "firing", 1).as_bytes()).unwrap());
        let many = ALERTS_MAX + 5;
        batch.extend((0..many).map(|number| reading(u128::from(number), "firing", 2)));
        let to = vec![batch.len() as u64];
        assert_eq!(apply(&records, &at, &to, batch).await.unwrap(), Applied::Done { foreign: 1 });
        assert_eq!(make_room(&records).await.unwrap(), 6);
        assert_eq!(make_room(&records).await.unwrap(), 0);
        let items = all(&records).await;
        assert_eq!(items.len() as u64, ALERTS_MAX + 1);
        assert_eq!(items.last().unwrap().customer, OTHER.parse().unwrap(), "the oldest is another's");
        let groups = groups(&records, By::Rule, CUSTOMER, 9).await.unwrap();
        assert_eq!((groups[0].alerts, groups[0].firing, groups.len()), (ALERTS_MAX, ALERTS_MAX, 1));
        assert_eq!(groups[0].name, "Many logins");
    })
    .await;
}
