//! The audit log through the router: what gets into it, who sees what of it, and what happens when it cannot be written.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::entry::{Chained, Link};
use crate::access::Peer;
use crate::testing::{ALERT, CUSTOMER, Harness, eventually, read};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

async fn token(api: &Harness, role: &str, customer: Option<&str>) -> String {
    let body = json!({"role": role, "customerId": customer, "name": "n"});
    api.post("/v1/tokens", body.to_string()).await.json()["token"].as_str().unwrap().to_owned()
}

async fn entries(api: &Harness, token: &str) -> Vec<Value> {
    let page = api.send_as(token, Method::GET, "/v1/audit?oldestFirst=true&limit=1000", "").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.json()["entries"].as_array().unwrap().clone()
}

fn rule(customer: &str) -> String {
    json!({"customerId": customer, "alertId": ALERT, "alertName": "n", "match": "$.a"}).to_string()
}

#[tokio::test]
async fn who_did_what_when_and_from_where_is_written_down_before_the_answer() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let request = Harness::request(Method::POST, "/v1/rules")
        .header("x-request-id", "abc")
        .extension(Peer("192.0.2.7:4000".parse().unwrap()));
    assert_eq!(api.send(request.body(rule(CUSTOMER).into()).unwrap()).await.status, StatusCode::CREATED);
    let list = entries(&api, crate::testing::TOKEN).await;
    let entry = &list[0];
    for (name, value) in [
        ("number", json!(1)),
        ("who", json!("root")),
        ("role", json!("root")),
        ("customerId", json!(CUSTOMER)),
        ("source", json!("192.0.2.7")),
        ("action", json!("POST /v1/rules")),
        ("object", json!(format!("/v1/rules/{CUSTOMER}/{ALERT}"))),
        ("status", json!(201)),
        ("requestId", json!("abc")),
        ("times", json!(1)),
    ] {
        assert_eq!(entry[name], value, "{name}");
    }
    // Reading, and what comes with every event, is not; looking at the log itself is.
    api.get("/v1/rules").await;
    api.post("/v1/events", json!({"customerId": CUSTOMER, "payload": {}}).to_string()).await;
    let actions: Vec<_> =
        entries(&api, crate::testing::TOKEN).await.iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["POST /v1/rules", "GET /v1/audit"]);
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_few_entries() {
    let api = Harness::start();
    let viewer = token(&api, "viewer", Some(CUSTOMER)).await;
    for number in 0..300 {
        let path = format!("/v1/rules/{CUSTOMER}/{ALERT}");
        assert_eq!(api.send_as(&viewer, Method::DELETE, &path, "").await.status, StatusCode::FORBIDDEN);
        let request = Request::builder()
            .uri("/v1/rules")
            .header(header::AUTHORIZATION, format!("Bearer tocsin_{number:064}"))
            .extension(Peer("192.0.2.8:1".parse().unwrap()));
        let guessed = read(api.open(request.body(Body::empty()).unwrap()).await).await;
        assert!(matches!(guessed.status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS));
    }
    let count = async |action: &str, status: u16| {
        let list = entries(&api, crate::testing::TOKEN).await;
        list.iter().filter(|entry| entry["action"] == action && entry["status"] == status).count()
    };
    // One each, and further ones only if a minute has passed meanwhile.
    eventually(async || (1..6).contains(&count("GET /v1/rules", 429).await)).await;
    assert!((1..6).contains(&count("DELETE /v1/rules/{customerId}/{alertId}", 403).await));
    assert!((1..6).contains(&count("GET /v1/rules", 401).await));
    let list = entries(&api, crate::testing::TOKEN).await;
    assert!(!list.iter().any(|entry| entry.to_string().contains("tocsin_")), "no token is written down");
}

#[tokio::test]
async fn somebody_who_looks_for_anothers_rule_is_written_down_and_does_not_notice() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    assert_eq!(api.post("/v1/rules", rule(OTHER)).await.status, StatusCode::CREATED);
    let viewer = token(&api, "viewer", Some(CUSTOMER)).await;
    let theirs = api.send_as(&viewer, Method::GET, &format!("/v1/rules/{OTHER}/{ALERT}"), "").await;
    let nobodys = api.send_as(&viewer, Method::GET, &format!("/v1/rules/{OTHER}/{OTHER}"), "").await;
    assert_eq!((theirs.status, theirs.code()), (nobodys.status, nobodys.code()));
    assert_eq!(
        theirs.text.replace(ALERT, ""),
        nobodys.text.replace(&format!("{OTHER}/{OTHER}"), &format!("{OTHER}/"))
    );
    eventually(async || {
        let list = entries(&api, crate::testing::TOKEN).await;
        let denied: Vec<_> = list.iter().filter(|entry| entry["status"] == 404).collect();
        denied.len() == 1 && denied[0]["object"] == format!("/v1/rules/{OTHER}/{ALERT}")
    })
    .await;
}

#[tokio::test]
async fn an_administrator_sees_its_customer_and_an_auditor_the_whole_chain() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    for customer in [CUSTOMER, OTHER] {
        assert_eq!(api.post("/v1/rules", rule(customer)).await.status, StatusCode::CREATED);
    }
    let admin = token(&api, "tenant-admin", Some(CUSTOMER)).await;
    let list = entries(&api, &admin).await;
    assert!(!list.is_empty() && list.iter().all(|entry| entry["customerId"] == CUSTOMER), "{list:?}");
    let page = api.send_as(&admin, Method::GET, "/v1/audit", "").await.json();
    assert_eq!((page.get("endsWith"), page.get("beginsBehind")), (None, None));

    let auditor = token(&api, "auditor", None).await;
    let mut link: Option<Link> = None;
    let mut path = "/v1/audit?oldestFirst=true&limit=2".to_owned();
    loop {
        let page = api.send_as(&auditor, Method::GET, &path, "").await.json();
        let begin = || serde_json::from_value(page["beginsBehind"].clone()).unwrap();
        let end = link.get_or_insert_with(begin);
        for entry in page["entries"].as_array().unwrap() {
            end.follow(&serde_json::from_value::<Chained>(entry.clone()).unwrap()).unwrap();
        }
        // Each look adds an entry, so the last page is the one after which there is just that look.
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/audit?oldestFirst=true&limit=2&next={next}");
    }
    assert!(link.unwrap().number >= 6);
    let newest = api.send_as(&auditor, Method::GET, "/v1/audit?limit=1", "").await.json();
    assert_eq!(newest["entries"][0]["action"], "GET /v1/audit");
    let of_root = api.send_as(&auditor, Method::GET, "/v1/audit?who=root", "").await.json();
    assert!(of_root["entries"].as_array().unwrap().iter().all(|entry| entry["who"] == "root"));
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let records = api.database.records();
    let execute = async |statement: &'static str| {
        let mut writing = records.begin().await.unwrap();
        sqlx::query(statement).execute(&mut *writing).await.unwrap();
        writing.commit().await.unwrap();
    };
    assert_eq!(api.post("/v1/rules", rule(CUSTOMER)).await.status, StatusCode::CREATED);
    execute("ALTER TABLE audit RENAME TO away").await;
    let first = api.post("/v1/rules", rule(OTHER)).await;
    assert_eq!((first.status, first.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4032".to_owned()));
    let before = api.log.memory.records(&api.topics.controls).len();
    let second = api.post("/v1/rules", rule(ALERT)).await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), before, "it was not done");
    assert_eq!(api.get("/v1/rules").await.status, StatusCode::OK, "reading goes on");
    execute("ALTER TABLE away RENAME TO audit").await;
    assert_eq!(api.post("/v1/rules", rule(ALERT)).await.status, StatusCode::CREATED);
}
