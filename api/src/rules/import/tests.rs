//! Imports and exports through the router, with workers played by the test.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::testing::{ALERT, Answered, CUSTOMER, Harness};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn rule(number: usize, threshold: i64) -> Value {
    json!({ "customerId": CUSTOMER, "alertId": id(number), "alertName": "n", "match": "$.a", "threshold": threshold })
}

fn lines(answered: &Answered) -> Vec<Value> {
    answered.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn ready(set: impl FnOnce(&mut crate::Settings)) -> Harness {
    let mut api = Harness::with(set);
    api.workers_are_ahead();
    api.ready().await;
    api
}

fn brief(line: &Value) -> (u64, &str, u64) {
    (
        line["line"].as_u64().unwrap(),
        line["status"].as_str().unwrap(),
        line["version"].as_u64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn every_line_is_answered_and_a_bad_one_stops_no_other() {
    let api = ready(|_| {}).await;
    let mut stale = rule(1, 9);
    stale["expectedVersion"] = json!(7);
    let mut unnamed = rule(0, 1);
    unnamed.as_object_mut().unwrap().remove("alertId");
    let original = json!({"customerId": CUSTOMER, "alertId": id(3), "jsonPath": "$.a", "threshold": 1});
    let body = [
        rule(1, 1).to_string(),
        String::new(),
        "{\"customerId\": 7, \"nonsense\": 1}".to_owned(),
        rule(1, 2).to_string(),
        rule(1, 2).to_string(),
        stale.to_string(),
        "not JSON".to_owned(),
        unnamed.to_string(),
        format!("  {original}\r"),
        format!("{{\"alertName\": \"{}\"}}", "x".repeat(64 * 1024)),
        rule(2, 1).to_string(),
    ];
    let expected = [
        (1, "created", 1),
        (3, "invalid", 0),
        (4, "replaced", 2),
        (5, "unchanged", 2),
        (6, "stale", 2),
        (7, "invalid", 0),
        (8, "created", 1),
        (9, "created", 1),
        (10, "invalid", 0),
        (11, "created", 1),
    ];
    let counts = json!({"lines": 10, "created": 4, "replaced": 1, "unchanged": 1, "invalid": 3, "stale": 1});

    let rehearsed = api.post("/v1/rules:import?dryRun=true", body.join("\n")).await;
    assert_eq!(
        (rehearsed.status, rehearsed.header("content-type")),
        (StatusCode::OK, "application/x-ndjson")
    );
    let found = lines(&rehearsed);
    assert_eq!(found.iter().take(10).map(brief).collect::<Vec<_>>(), expected);
    for (name, count) in counts.as_object().unwrap() {
        assert_eq!(found[10]["summary"][name], *count, "{name}");
    }
    assert_eq!(
        (&found[10]["summary"]["dryRun"], &found[10]["summary"]["effective"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), 0);

    let found = lines(&api.post("/v1/rules:import", body.join("\n")).await);
    assert_eq!(found.iter().take(10).map(brief).collect::<Vec<_>>(), expected);
    for (name, count) in counts.as_object().unwrap() {
        assert_eq!(found[10]["summary"][name], *count, "{name}");
    }
    assert_eq!((found.len(), &found[10]["summary"]["effective"]), (11, &json!(true)));
    let faults = found[1]["problems"].as_array().unwrap();
    let codes: Vec<_> = faults.iter().map(|fault| fault["code"].as_str().unwrap()).collect();
    assert!(
        codes.contains(&"TOC-1002") && codes.contains(&"TOC-1004") && codes.contains(&"TOC-1003"),
        "{codes:?}"
    );
    assert_eq!(found[4]["problems"][0]["code"], "TOC-4015");
    assert_eq!(found[8]["problems"][0]["code"], "TOC-1007");
    assert_eq!((&found[0]["customerId"], &found[0]["alertId"]), (&json!(CUSTOMER), &json!(id(1))));
    let made = found[6]["alertId"].as_str().unwrap();
    assert_eq!(api.get(&format!("/v1/rules/{CUSTOMER}/{made}")).await.status, StatusCode::OK);
    assert_eq!(api.get("/v1/rules").await.json()["rules"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn many_rules_go_in_and_come_out_again_as_they_are() {
    let api = ready(|_| {}).await;
    let body: String = (0..3_500).map(|number| format!("{}\n", rule(number, 3))).collect();
    let found = lines(&api.post("/v1/rules:import", body).await);
    assert_eq!(found.len(), 3_501);
    assert_eq!(found[3_500]["summary"]["created"], 3_500);
    let other = json!({"customerId": OTHER, "alertId": ALERT, "jsonPath": "$.a", "alertName": "original"});
    assert_eq!(api.post("/v1/rules", other.to_string()).await.status, StatusCode::CREATED);

    let all = api.get("/v1/rules:export").await;
    assert_eq!((all.status, all.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
    let exported = lines(&all);
    assert_eq!(exported.len(), 3_501);
    assert_eq!((&exported[0]["customerId"], &exported[3_500]["alertId"]), (&json!(OTHER), &json!(id(3_499))));
    let found = lines(&api.post("/v1/rules:import", all.text).await);
    assert_eq!(found[3_501]["summary"]["unchanged"], 3_501, "{}", found[3_501]);
    assert_eq!(lines(&api.get(&format!("/v1/rules:export?customerId={OTHER}")).await).len(), 1);
    assert_eq!(lines(&api.get(&format!("/v1/rules:export?customerId={CUSTOMER}")).await).len(), 3_500);
    assert_eq!(api.get(&format!("/v1/rules:export?customerId={ALERT}")).await.text, "");
    assert_eq!(api.get("/v1/rules:export?customerId=x").await.code(), "TOC-4010");
}

/// The first answers come while later lines are still to be sent, and a client that reads nothing until it has sent
/// everything is served too.
#[tokio::test]
async fn answers_come_while_lines_do() {
    let api = ready(|_| {}).await;
    let (sender, parts) = tokio::sync::mpsc::channel::<Bytes>(1);
    let parts = ReceiverStream::new(parts).map(Ok::<_, std::convert::Infallible>);
    let request = Harness::request(Method::POST, "/v1/rules:import").body(Body::from_stream(parts)).unwrap();
    let feeding = tokio::spawn(async move {
        let batch: String = (0..1_000).map(|number| format!("{}\n", rule(number, 1))).collect();
        sender.send(batch.into()).await.unwrap();
        sender
    });
    let response = api.open(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"{\"line\":1,\"status\":\"created\""));
    let sender = feeding.await.unwrap();
    sender.send(rule(0, 1).to_string().into()).await.unwrap();
    drop(sender);
    let rest = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(rest.contains("{\"line\":1001,\"status\":\"unchanged\""));
    assert!(rest.ends_with("\"stale\":0,\"dryRun\":false,\"effective\":true}}\n"));
}

#[tokio::test]
async fn what_fails_before_the_first_answer_is_a_problem_and_later_the_last_line() {
    let api = ready(|settings| settings.import_bytes_max = 200_000).await;
    let declared = Harness::request(Method::POST, "/v1/rules:import").header(header::CONTENT_LENGTH, 200_001);
    let refused = api.send(declared.body(Body::from("x".repeat(200_001))).unwrap()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::PAYLOAD_TOO_LARGE, "TOC-4006".to_owned()));

    let text: String = (0..4_000).map(|number| format!("{}\n", rule(number, 1))).collect();
    let parts: Vec<_> = text.into_bytes().chunks(1 << 15).map(Bytes::copy_from_slice).collect();
    let parts = tokio_stream::iter(parts).map(Ok::<_, std::convert::Infallible>);
    let request = Harness::request(Method::POST, "/v1/rules:import").body(Body::from_stream(parts)).unwrap();
    let stopped = api.send(request).await;
    assert_eq!(stopped.status, StatusCode::OK);
    let found = lines(&stopped);
    let last = found.last().unwrap();
    assert_eq!((&last["stopped"]["code"], &last["stopped"]["status"]), (&json!("TOC-4006"), &json!(413)));
    assert_eq!((&last["summary"]["lines"], found.len()), (&json!(1_000), 1_001));

    api.log.faults.lock().unwrap().away.insert(api.topics.controls.clone());
    let failed = api.post("/v1/rules:import", rule(0, 7).to_string()).await;
    assert_eq!((failed.status, failed.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4020".to_owned()));
    assert_eq!(api.post("/v1/rules:import?dryrun=1", "").await.code(), "TOC-4010");
}

#[tokio::test]
async fn an_import_that_not_all_partitions_have_says_so() {
    let mut api = Harness::with(|settings| settings.import_effective_timeout = Duration::from_millis(300));
    api.ready().await;
    api.commit_controls(1, &[0, 1, 2]);
    let found = lines(&api.post("/v1/rules:import", rule(0, 1).to_string()).await);
    assert_eq!(found[1]["summary"]["effective"], true);
    api.commit_controls(9, &[0, 2]);
    let found = lines(&api.post("/v1/rules:import", rule(1, 1).to_string()).await);
    assert_eq!(found[1]["summary"]["effective"], false);
    assert_eq!(found[1]["summary"]["missingPartitions"], json!([1]));
    let found = lines(&api.post("/v1/rules:import", "\n\n").await);
    assert_eq!((found.len(), &found[0]["summary"]["lines"]), (1, &json!(0)));
}

#[tokio::test]
async fn only_so_many_imports_are_under_way_and_one_that_ends_makes_room() {
    let api = ready(|settings| settings.imports_max = 1).await;
    let (sender, parts) = tokio::sync::mpsc::channel::<Bytes>(1);
    let batch: String = (0..1_000).map(|number| format!("{}\n", rule(number, 1))).collect();
    sender.send(batch.into()).await.unwrap();
    let parts = ReceiverStream::new(parts).map(Ok::<_, std::convert::Infallible>);
    let request = Harness::request(Method::POST, "/v1/rules:import").body(Body::from_stream(parts)).unwrap();
    let first = api.open(request).await;
    assert_eq!(first.status(), StatusCode::OK);
    let second = api.post("/v1/rules:import", "").await;
    assert_eq!((second.status, second.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4019".to_owned()));
    // Its client goes away, while it waits for further lines.
    drop((first, sender));
    crate::testing::eventually(async || api.post("/v1/rules:import", "").await.status == StatusCode::OK)
        .await;
}
