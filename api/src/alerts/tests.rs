//! Alert streams through the router: every way to come, to be slow and to come back.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use tokio_stream::StreamExt;

use crate::testing::{CUSTOMER, Harness, PARTITIONS, PATIENCE};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// The client's side of a stream.
struct Client {
    body: BodyDataStream,
    text: String,
}

impl Client {
    fn new(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    async fn open(api: &Harness, last_event_id: Option<&str>) -> Self {
        Self::open_at(api, "/v1/alerts/stream", last_event_id).await
    }

    async fn open_at(api: &Harness, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = Harness::request(Method::GET, path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Self::new(api.open(request.body(Body::empty()).unwrap()).await)
    }

    /// The next event; signs of life have no name and no data.
    async fn any(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.collect::<Vec<_>>().join("\n")
                };
                let event = Event { id: field("id: "), name: field("event: "), data: field("data: ") };
                self.text = rest.to_owned();
                return Some(event);
            }
            let bytes = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("more in time")?;
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// The next event that is no sign of life. Those keep coming, so the wait has a deadline of its own.
    async fn next(&mut self) -> Event {
        let waiting = async {
            loop {
                let event = self.any().await.expect("the stream goes on");
                if !event.name.is_empty() {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("an event in time")
    }

    async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await);
        }
        events
    }
}

/// Writes alerts `{partition}-{n}` for `n` in the range into all partitions, in turns.
fn write(api: &Harness, numbers: std::ops::Range<usize>) {
    for number in numbers {
        for partition in 0..PARTITIONS {
            api.log.alert(partition, CUSTOMER, &format!("\"{partition}-{number}\""));
        }
    }
}

/// The alerts of each partition, in the order in which they came.
fn by_partition(events: &[Event]) -> Vec<Vec<String>> {
    let of = |partition: u32| {
        let prefix = format!("\"{partition}-");
        let data = events.iter().map(|event| event.data.clone());
        data.filter(|data| data.starts_with(&prefix)).collect()
    };
    (0..PARTITIONS).map(of).collect()
}

fn expected(numbers: std::ops::Range<usize>) -> Vec<Vec<String>> {
    let of = |partition: u32| numbers.clone().map(|number| format!("\"{partition}-{number}\"")).collect();
    (0..PARTITIONS).map(of).collect()
}

#[tokio::test]
async fn without_a_position_the_stream_begins_now() {
    let api = Harness::start();
    write(&api, 0..3);
    api.ready().await;
    let mut seen = Client::open(&api, Some("0")).await;
    assert_eq!(by_partition(&seen.take(9).await), expected(0..3));
    let mut client = Client::open(&api, None).await;
    let hello = client.any().await.unwrap();
    assert_eq!(
        (hello.name.as_str(), hello.id.as_str()),
        ("", "v1.3.3.3"),
        "a position before the first alert"
    );
    api.log.alert(1, CUSTOMER, "{\"a\": 1}");
    let event = client.next().await;
    assert_eq!(
        (event.name.as_str(), event.data.as_str(), event.id.as_str()),
        ("alert", "{\"a\": 1}", "v1.3.4.3")
    );
}

/// With a large ring most resumes are served from memory, with a small one from the log, and then from both.
#[tokio::test]
async fn resuming_at_every_cut_neither_loses_nor_repeats() {
    for holes in [false, true] {
        for ring_alerts_max in [1, 4, 1_000] {
            resume_at_every_cut(ring_alerts_max, holes).await;
        }
    }
}

async fn resume_at_every_cut(ring_alerts_max: usize, holes: bool) {
    let log = crate::testing::TestLog::default();
    log.faults.lock().unwrap().alerts_have_holes = holes;
    let api = Harness::over(log, |settings| settings.ring_alerts_max = ring_alerts_max);
    write(&api, 0..2);
    api.ready().await;
    write(&api, 2..6);
    let all = Client::open(&api, Some("0")).await.take(18).await;
    assert_eq!(by_partition(&all), expected(0..6));
    for cut in 0..all.len() {
        let (before, after) = all.split_at(cut + 1);
        let mut events = before.to_vec();
        let mut client = Client::open(&api, Some(&before[cut].id)).await;
        events.extend(client.take(after.len()).await);
        let case = format!("ring of {ring_alerts_max}, holes {holes}, cut at {cut}");
        assert_eq!(by_partition(&events), expected(0..6), "{case}");
    }
    // What comes later reaches those that had to read from the log first.
    let mut client = Client::open(&api, Some(&all[7].id)).await;
    client.take(10).await;
    write(&api, 6..9);
    assert_eq!(by_partition(&client.take(9).await), expected(6..9));
}

#[tokio::test]
async fn a_slow_reader_gets_everything_once_though_it_falls_off_the_ring() {
    let api = Harness::with(|settings| settings.ring_alerts_max = 8);
    api.ready().await;
    let mut slow = Client::open(&api, None).await;
    let mut quick = Client::open(&api, None).await;
    for round in 0..20 {
        write(&api, 20 * round..20 * round + 20);
        assert_eq!(by_partition(&quick.take(60).await), expected(20 * round..20 * round + 20));
    }
    assert_eq!(by_partition(&slow.take(1_200).await), expected(0..400));
    write(&api, 400..401);
    assert_eq!(by_partition(&slow.take(3).await), expected(400..401));
}

#[tokio::test]
async fn alerts_that_have_expired_are_told_as_a_gap() {
    let api = Harness::with(|settings| settings.ring_alerts_max = 1);
    write(&api, 0..5);
    api.ready().await;
    api.log.faults.lock().unwrap().alerts_start = 3;
    let mut client = Client::open(&api, Some("v1.1.4.3")).await;
    let gap = client.any().await.unwrap();
    assert_eq!((gap.name.as_str(), gap.id.as_str()), ("gap", "v1.3.4.3"));
    assert_eq!(gap.data, json!({ "from": "v1.1.4.3", "to": "v1.3.4.3" }).to_string());
    let rest = by_partition(&client.take(5).await);
    assert_eq!(rest, [vec!["\"0-3\"", "\"0-4\""], vec!["\"1-4\""], vec!["\"2-3\"", "\"2-4\""]]);
    let oldest = Client::open(&api, Some("0")).await.take(6).await;
    assert_eq!(by_partition(&oldest), expected(3..5));
    let mut foreign = Client::open(&api, Some("v1.900.0.0")).await;
    assert_eq!(foreign.any().await.unwrap().name, "gap", "the position of another log");
}

#[tokio::test]
async fn positions_come_by_header_or_query_and_malformed_ones_are_refused() {
    let api = Harness::start();
    api.ready().await;
    write(&api, 0..2);
    let mut by_query = Client::open_at(&api, "/v1/alerts/stream?lastEventId=0", None).await;
    assert_eq!(by_partition(&by_query.take(6).await), expected(0..2));
    let mut header_wins = Client::open_at(&api, "/v1/alerts/stream?lastEventId=0", Some("v1.1.1.1")).await;
    assert_eq!(by_partition(&header_wins.take(3).await), expected(1..2));
    for bad in ["1", "v1.", "v1.a", "v9.1.1.1", "é"] {
        let request =
            Harness::request(Method::GET, "/v1/alerts/stream").header("last-event-id", bad.as_bytes());
        let refused = api.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::BAD_REQUEST, "TOC-4017".to_owned()),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn one_customers_stream_has_its_alerts_alone_and_its_position_moves_over_the_others() {
    let api = Harness::with(|settings| settings.keep_alive = Duration::from_millis(50));
    api.ready().await;
    let path = format!("/v1/alerts/stream?customerId={}", OTHER.to_uppercase());
    let mut client = Client::open_at(&api, &path, None).await;
    write(&api, 0..2);
    api.log.alert(1, OTHER, "\"mine\"");
    let event = client.next().await;
    assert_eq!(event.data, "\"mine\"");
    write(&api, 2..3);
    let mut alive = client.any().await.unwrap();
    while alive.id != "v1.3.4.3" {
        assert_eq!(alive.name, "");
        alive = client.any().await.unwrap();
    }
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_is_alive() {
    let api = Harness::with(|settings| settings.keep_alive = Duration::from_millis(20));
    api.ready().await;
    let mut client = Client::open(&api, None).await;
    for _ in 0..3 {
        assert_eq!(client.any().await.unwrap().id, "v1.0.0.0");
    }
}

#[tokio::test]
async fn streams_are_counted_bounded_and_freed() {
    let api = Harness::with(|settings| settings.streams_max = 1);
    api.ready().await;
    let one = Client::open(&api, None).await;
    let refused = api.get("/v1/alerts/stream").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4018".to_owned()));
    drop(one);
    crate::testing::eventually(async || {
        let request = Harness::request(Method::GET, "/v1/alerts/stream").body(Body::empty()).unwrap();
        api.open(request).await.status() == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn the_stop_ends_streams() {
    let api = Harness::start();
    api.ready().await;
    let mut client = Client::open(&api, None).await;
    client.any().await.unwrap();
    api.running.stopper.stop();
    assert_eq!(client.any().await, None);
}

#[tokio::test]
async fn a_stream_survives_that_the_log_is_away() {
    let api = Harness::with(|settings| settings.ring_alerts_max = 1);
    api.ready().await;
    write(&api, 0..3);
    let all = Client::open(&api, Some("0")).await.take(9).await;
    let mut client = Client::open(&api, Some(&all[2].id)).await;
    api.log.faults.lock().unwrap().away.insert(api.topics.alerts.clone());
    tokio::time::sleep(Duration::from_millis(50)).await;
    api.log.faults.lock().unwrap().away.clear();
    let mut events = all[..3].to_vec();
    events.extend(client.take(6).await);
    assert_eq!(by_partition(&events), expected(0..3));
}
