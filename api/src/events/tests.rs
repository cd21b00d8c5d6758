//! Events through the router.

use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use engine::{Reason, partition_of};
use serde_json::{Value, json};

use crate::testing::{Answered, CUSTOMER, Harness, PARTITIONS, read};

fn event(number: u32) -> String {
    json!({ "customerId": CUSTOMER.to_uppercase(), "payload": { "number": number } }).to_string()
}

async fn post(api: &Harness, kind: &str, body: impl Into<Body>) -> Answered {
    let request = Harness::request(Method::POST, "/v1/events").header(header::CONTENT_TYPE, kind);
    api.send(request.body(body.into()).unwrap()).await
}

fn values(api: &Harness) -> Vec<String> {
    let records = api.log.memory.records(&api.topics.events);
    let text = |value: &bytes::Bytes| String::from_utf8(value.to_vec()).unwrap();
    records.iter().map(|record| text(record.value.as_ref().unwrap())).collect()
}

#[tokio::test]
async fn one_an_array_and_lines_go_into_the_log_as_given() {
    let api = Harness::start();
    let spread = format!("{{\n  \"customerId\": \"{CUSTOMER}\",\n  \"payload\": \"{{}}\" }}");
    let one = post(&api, "application/json", format!("\n{spread}\n")).await;
    assert_eq!(one.status, StatusCode::OK);
    let partition = partition_of(CUSTOMER.as_bytes(), PARTITIONS).0;
    let position = |offset: u64| json!({ "partition": partition, "offset": offset });
    let expected = json!({ "accepted": 1, "rejectedCount": 0, "rejected": [], "positions": [position(0)] });
    assert_eq!(one.json(), expected);
    let array = post(&api, "text/plain", format!("[{}, {}]", event(1), event(2))).await;
    assert_eq!(array.json()["positions"], json!([position(1), position(2)]));
    let lines = post(&api, "application/x-ndjson", format!("{}\r\n\n{}", event(3), event(4))).await;
    assert_eq!(lines.json()["accepted"], 2);
    assert_eq!(values(&api), [spread, event(1), event(2), event(3), event(4)]);
    let keys = api.log.memory.records(&api.topics.events);
    assert!(keys.iter().all(|record| record.key.as_deref() == Some(CUSTOMER.as_bytes())));
    let quiet = api.post("/v1/events?positions=false", event(5)).await;
    assert_eq!(quiet.json(), json!({ "accepted": 1, "rejectedCount": 0, "rejected": [] }));
    for nothing in ["", "\n \n", "[]"] {
        let none = post(&api, "application/json", nothing).await;
        assert_eq!((none.status, none.json()["accepted"].clone()), (StatusCode::OK, json!(0)));
    }
}

#[tokio::test]
async fn a_bad_line_is_reported_with_its_place_and_the_good_ones_are_in() {
    let api = Harness::start();
    let bad = json!({ "customerId": "x", "payload": {} });
    let body = format!("{}\n{bad}\n{{\"a\": nope}}\n{}\n", event(1), event(2));
    let answered = post(&api, "application/x-ndjson", body).await;
    assert_eq!(answered.status, StatusCode::OK);
    let body = answered.json();
    assert_eq!((&body["accepted"], &body["rejectedCount"]), (&json!(2), &json!(2)));
    let place = |number: usize| {
        let fault = &body["rejected"][number];
        (fault["code"].clone(), fault["line"].clone(), fault["column"].clone(), fault["pointer"].clone())
    };
    assert_eq!(place(0), (json!("TOC-2004"), json!(2), json!(1), json!("/customerId")));
    assert_eq!(place(1), (json!("TOC-2003"), json!(3), json!(8), Value::Null));
    assert_eq!(values(&api), [event(1), event(2)]);

    let array = format!("[{},\n  {{\"customerId\":\"{CUSTOMER}\"}}]", event(3));
    let fault = post(&api, "application/json", array).await.json()["rejected"][0].clone();
    assert_eq!(
        (&fault["pointer"], &fault["line"], &fault["column"]),
        (&json!("/1/payload"), &json!(2), &json!(3))
    );
}

#[tokio::test]
async fn bad_events_are_refused_with_code_and_place() {
    let api = Harness::start();
    let with =
        |payload: Value| json!({ "customerId": CUSTOMER, "payload": payload }).to_string().into_bytes();
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let global = json!({ "customerId": rules::CustomerId::GLOBAL, "payload": {} }).to_string();
    let large = with(json!({ "a": "x".repeat(2 << 20) }));
    let cases: [(Vec<u8>, u16, Reason); 9] = [
        (b"{\"customerId\":".to_vec(), 400, Reason::BadEnvelope),
        (b"{\"payload\": \"\xff\"}".to_vec(), 400, Reason::NotUtf8),
        (b"{\"payload\": {}}".to_vec(), 400, Reason::BadCustomer),
        (b"{\"customerId\": 7, \"payload\": {}}".to_vec(), 400, Reason::BadCustomer),
        (global.into_bytes(), 400, Reason::GlobalCustomer),
        (with(json!(null)), 400, Reason::BadPayloadType),
        (with(json!("{")), 400, Reason::BadPayload),
        (with(json!(deep)), 400, Reason::TooDeep),
        (large, 413, Reason::TooLarge),
    ];
    for (body, status, reason) in cases {
        let refused = post(&api, "application/json", body).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, reason.code()));
        let error = refused.json()["errors"][0].clone();
        assert!(
            error["line"].is_u64() && error["column"].is_u64() && error["expected"].is_string(),
            "{error}"
        );
    }
    let nested = format!(
        "{{\"customerId\":\"{CUSTOMER}\",\"payload\":{}1{}}}",
        "{\"a\":".repeat(1000),
        "}".repeat(1000)
    );
    assert_eq!(post(&api, "application/json", nested).await.status, StatusCode::BAD_REQUEST);
    let all = post(&api, "application/x-ndjson", "{}\n{}\n").await;
    assert_eq!((all.status, all.code()), (StatusCode::BAD_REQUEST, "TOC-4016".to_owned()));
    assert_eq!(
        (&all.json()["rejectedCount"], all.json()["errors"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    assert_eq!((&all.json()["accepted"], &all.json()["rejected"]), (&json!(0), &all.json()["errors"]));
    let broken = post(&api, "application/json", format!("[{},\n{{]", event(1))).await;
    assert_eq!(
        (broken.status, broken.json()["errors"][0]["line"].clone()),
        (StatusCode::BAD_REQUEST, json!(2))
    );
    assert_eq!(values(&api), [""; 0]);
}

#[tokio::test]
async fn very_many_faults_are_counted_and_the_first_listed() {
    let api = Harness::start();
    let body = format!("{}\n{}", event(1), "x\n".repeat(5_000));
    let answered = post(&api, "application/x-ndjson", body).await.json();
    assert_eq!((&answered["accepted"], &answered["rejectedCount"]), (&json!(1), &json!(5_000)));
    assert_eq!(answered["rejected"].as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn packed_bodies_are_read_and_their_limit_is_that_of_what_they_hold() {
    let api = Harness::start();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let send = async |encoding: &str, body: Vec<u8>| {
        let request = Harness::request(Method::POST, "/v1/events").header(header::CONTENT_ENCODING, encoding);
        api.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(send("gzip", gzip(event(1).as_bytes())).await.status, StatusCode::OK);
    assert_eq!(send("zstd", zstd(event(2).as_bytes())).await.status, StatusCode::OK);
    assert_eq!(values(&api), [event(1), event(2)]);
    let bomb = vec![b' '; 200 << 20];
    for (encoding, bytes) in [("gzip", gzip(&bomb)), ("zstd", zstd(&bomb))] {
        assert!(bytes.len() < 1 << 20);
        let refused = send(encoding, bytes).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::PAYLOAD_TOO_LARGE, "TOC-4006".to_owned()));
    }
    let broken = send("gzip", b"not gzip".to_vec()).await;
    assert_eq!((broken.status, broken.code()), (StatusCode::BAD_REQUEST, "TOC-4008".to_owned()));
    let unknown = send("br", b"x".to_vec()).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, "TOC-4007".to_owned()));
}

#[tokio::test]
async fn bodies_are_bounded_each_and_together_and_in_time() {
    let api = Harness::with(|settings| {
        settings.body_bytes_max = 64 << 10;
        settings.body_timeout = Duration::from_millis(100);
    });
    let long = post(&api, "application/x-ndjson", vec![b'\n'; (16 << 20) + 1]).await;
    assert_eq!((long.status, long.code()), (StatusCode::PAYLOAD_TOO_LARGE, "TOC-4006".to_owned()));
    let busy = post(&api, "application/x-ndjson", vec![b'\n'; 65 << 10]).await;
    assert_eq!((busy.status, busy.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4019".to_owned()));
    assert_eq!(busy.header("retry-after"), "1");
    assert_eq!(post(&api, "application/x-ndjson", vec![b'\n'; 64 << 10]).await.status, StatusCode::OK);
    let never = Body::from_stream(tokio_stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let slow = post(&api, "application/json", never).await;
    assert_eq!((slow.status, slow.code()), (StatusCode::REQUEST_TIMEOUT, "TOC-4009".to_owned()));
}

#[tokio::test]
async fn beyond_the_bound_of_writes_requests_are_told_to_come_again() {
    let api = Harness::with(|settings| settings.writes_max = 1);
    api.log.faults.lock().unwrap().append_takes = Duration::from_secs(3);
    let request = || Harness::request(Method::POST, "/v1/events").body(Body::from(event(1))).unwrap();
    let first = tokio::spawn(tower::ServiceExt::oneshot(api.router(), request()));
    let second = tokio::spawn(tower::ServiceExt::oneshot(api.router(), request()));
    let mut statuses = Vec::new();
    for answer in [first, second] {
        statuses.push(read(answer.await.unwrap().unwrap()).await.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
}

#[tokio::test]
async fn events_fail_clearly_while_the_log_is_away() {
    let api = Harness::start();
    api.log.faults.lock().unwrap().away.insert(api.topics.events.clone());
    let failed = post(&api, "application/json", event(1)).await;
    assert_eq!((failed.status, failed.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4020".to_owned()));
}
