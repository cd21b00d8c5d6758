//! The inbox through the router: what comes in, who deals with it, and what is silent.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use engine::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::item::tests::record;
use crate::clock;
use crate::testing::{Answered, CUSTOMER, Harness, TOKEN, eventually};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

async fn token(api: &Harness, role: &str) -> String {
    let body = json!({"role": role, "customerId": CUSTOMER, "name": "n"});
    api.post("/v1/tokens", body.to_string()).await.json()["token"].as_str().unwrap().to_owned()
}

async fn ids(api: &Harness, token: &str, query: &str) -> Vec<u128> {
    let page = api.send_as(token, Method::GET, &format!("/v1/alerts{query}"), "").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let alerts = page.json()["alerts"].as_array().unwrap().clone();
    let id = |alert: &Value| alert["alertInstanceId"].as_str().unwrap().parse::<Uuid>().unwrap().as_u128();
    alerts.iter().map(id).collect()
}

fn path(instance: u128) -> String {
    format!("/v1/alerts/{}", Uuid::from_u128(instance))
}

async fn patch(api: &Harness, token: &str, instance: u128, body: Value) -> Answered {
    api.send_as(token, Method::PATCH, &path(instance), body.to_string()).await
}

fn silence(field: &str, value: &str, seconds: i64) -> String {
    let matcher = json!({"field": field, "op": "in", "values": [value]});
    let end = Timestamp(clock::now().0 + seconds * 1_000).to_string();
    json!({"customerId": CUSTOMER, "matchers": [matcher], "reason": "maintenance", "endsAt": end}).to_string()
}

#[tokio::test]
async fn alerts_come_in_are_acknowledged_assigned_noted_and_closed() {
    let api = Harness::start();
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 1));
    api.log.alert(1, OTHER, &record(2, OTHER, "firing", 2));
    api.log.alert(0, CUSTOMER, "no alert");
    api.log.alert(2, CUSTOMER, &record(3, CUSTOMER, "firing", 3));
    eventually(async || ids(&api, TOKEN, "").await.len() == 3).await;
    let responder = token(&api, "responder").await;
    let mut own = ids(&api, &responder, "").await;
    own.sort_unstable();
    assert_eq!(own, [1, 3]);

    let acknowledged =
        patch(&api, &responder, 1, json!({"status": "acknowledged", "assignee": " bob "})).await;
    assert_eq!((acknowledged.status, acknowledged.header("etag")), (StatusCode::OK, "\"2\""));
    let body = acknowledged.json();
    assert_eq!((&body["status"], &body["assignee"]), (&json!("acknowledged"), &json!("bob")));
    assert_eq!(body["alert"]["group"]["user"], "bob");
    assert_eq!(ids(&api, &responder, "?status=acknowledged").await, [1]);
    assert_eq!(ids(&api, &responder, "?assignee=bob").await, [1]);

    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "resolved", 9));
    eventually(async || ids(&api, &responder, "?state=resolved").await == [1]).await;
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(path(1))
        .header(header::AUTHORIZATION, format!("Bearer {responder}"))
        .header(header::IF_MATCH, "\"1\"");
    let stale = api.send(request.body(Body::from("{\"status\": \"closed\"}")).unwrap()).await;
    assert_eq!((stale.status, stale.code()), (StatusCode::PRECONDITION_FAILED, "TOC-4040".to_owned()));
    assert_eq!(stale.json()["current"]["version"], 2);
    let closed = patch(&api, &responder, 1, json!({"status": "closed", "note": "false alarm"})).await;
    assert_eq!(closed.status, StatusCode::OK);
    assert_eq!(ids(&api, &responder, "?status=active").await, [3]);

    let whole = api.send_as(&responder, Method::GET, &path(1), "").await;
    assert_eq!(whole.header("etag"), "\"3\"");
    let actions = whole.json()["actions"].clone();
    assert_eq!((&actions[0]["status"], &actions[1]["note"]), (&json!("acknowledged"), &json!("false alarm")));
    assert!(actions[0]["who"].as_str().unwrap().starts_with("token:"));
    assert_eq!(whole.json()["records"], 2);
}

#[tokio::test]
async fn nobody_sees_or_touches_anothers_alerts_and_viewers_touch_none() {
    let api = Harness::start();
    api.log.alert(0, OTHER, &record(2, OTHER, "firing", 2));
    eventually(async || ids(&api, TOKEN, "").await == [2]).await;
    let responder = token(&api, "responder").await;
    let refused = patch(&api, &responder, 2, json!({"status": "closed"})).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "TOC-4039".to_owned()));
    let nobodys = api.send_as(&responder, Method::GET, &path(9), "").await;
    let others = api.send_as(&responder, Method::GET, &path(2), "").await;
    assert_eq!((nobodys.status, nobodys.code()), (others.status, others.code()));
    assert_eq!(ids(&api, &responder, "?severity=HIGH").await, [0; 0]);
    let groups = api.send_as(&responder, Method::GET, "/v1/alerts:groups", "").await.json();
    assert_eq!(groups["groups"], json!([]));
    let viewer = token(&api, "viewer").await;
    assert_eq!(patch(&api, &viewer, 2, json!({"status": "closed"})).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_its_place() {
    let api = Harness::start();
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 1));
    eventually(async || ids(&api, TOKEN, "").await == [1]).await;
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"assignee": "x".repeat(201)}), "/assignee"),
        (json!({"note": "x".repeat(4_001)}), "/note"),
        (json!({"note": "\u{7}"}), "/note"),
    ] {
        let refused = patch(&api, TOKEN, 1, body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "TOC-4026".to_owned()));
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
    for body in [json!({"status": "gone"}), json!({"state": "firing"}), json!(1)] {
        assert_eq!(patch(&api, TOKEN, 1, body).await.code(), "TOC-4026");
    }
    for query in ["?state=on", "?status=on", "?alertId=1", "?next=1", "?next=a1.-1", "?limit=0", "?foo=1"] {
        assert_eq!(api.get(&format!("/v1/alerts{query}")).await.code(), "TOC-4010", "{query}");
    }
    assert_eq!(api.get("/v1/alerts:groups?by=colour").await.code(), "TOC-4010");
    assert_eq!(api.get("/v1/alerts/1").await.code(), "TOC-4011");
}

#[tokio::test]
async fn pages_show_every_alert_once() {
    let api = Harness::start();
    for instance in 1..=7 {
        api.log.alert(0, CUSTOMER, &record(instance, CUSTOMER, "firing", 1));
    }
    eventually(async || ids(&api, TOKEN, "").await.len() == 7).await;
    let mut seen = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        seen.extend(ids(&api, TOKEN, &query).await);
        let page = api.get(&format!("/v1/alerts{query}")).await.json();
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=3&next={next}");
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let groups = api.get("/v1/alerts:groups?by=severity").await.json();
    let group = &groups["groups"][0];
    assert_eq!((&group["key"], &group["alerts"], &group["open"]), (&json!("HIGH"), &json!(7), &json!(7)));
}

#[tokio::test]
async fn silences_hold_for_what_matches_until_they_end() {
    let api = Harness::start();
    for instance in [1, 2] {
        let mut alert: Value = serde_json::from_str(&record(instance, CUSTOMER, "firing", 1)).unwrap();
        alert["group"]["user"] = json!(format!("user {instance}"));
        api.log.alert(0, CUSTOMER, &alert.to_string());
    }
    eventually(async || ids(&api, TOKEN, "").await.len() == 2).await;
    let responder = token(&api, "responder").await;
    let made =
        api.send_as(&responder, Method::POST, "/v1/silences", silence("group.user", "user 2", 60)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&api, &responder, "?silenced=true").await, [2]);
    assert_eq!(ids(&api, &responder, "?silenced=false").await, [1]);
    let silenced = api.send_as(&responder, Method::GET, &path(2), "").await.json();
    assert_eq!(silenced["silencedBy"], json!([id]));

    let listed = api.send_as(&responder, Method::GET, "/v1/silences", "").await.json();
    assert_eq!((&listed["silences"][0]["id"], &listed["silences"][0]["lasts"]), (&json!(id), &json!(true)));
    let ended = api.send_as(&responder, Method::DELETE, &format!("/v1/silences/{id}"), "").await;
    assert_eq!((ended.status, &ended.json()["lasts"]), (StatusCode::OK, &json!(false)));
    assert_eq!(ids(&api, &responder, "?silenced=true").await, [0; 0]);
    let listed = api.send_as(&responder, Method::GET, "/v1/silences?ended=true", "").await.json();
    assert_eq!(listed["silences"].as_array().unwrap().len(), 1);

    let mut wrong: Value = serde_json::from_str(&silence("colour", "red", -60)).unwrap();
    wrong["reason"] = json!(" ");
    let refused = api.send_as(&responder, Method::POST, "/v1/silences", wrong.to_string()).await.json();
    let places: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(places, ["/matchers/0/field", "/reason", "/endsAt"]);
}

#[tokio::test]
async fn the_inbox_is_read_anew_on_demand_and_tells_when_it_cannot_be_read() {
    let api = Harness::start();
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "firing", 1));
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "updated", 2));
    let records = async || api.get(&path(1)).await.json()["records"].clone();
    eventually(async || records().await == 2).await;
    assert_eq!(patch(&api, TOKEN, 1, json!({"status": "closed"})).await.status, StatusCode::OK);
    let begun = api.post("/v1/alerts:rebuild", "").await;
    assert_eq!((begun.status, &begun.json()["generation"]), (StatusCode::ACCEPTED, &json!(1)));
    api.log.alert(0, CUSTOMER, &record(1, CUSTOMER, "resolved", 3));
    eventually(async || records().await == 3).await;
    assert_eq!(api.get(&path(1)).await.json()["status"], "closed");

    let topic = api.topics.alerts.clone();
    let list = async || api.get("/v1/alerts").await.json();
    api.log.faults.lock().unwrap().away.insert(topic.clone());
    assert_eq!(api.post("/v1/alerts:rebuild", "").await.status, StatusCode::ACCEPTED);
    eventually(async || list().await["stale"] == true).await;
    assert_eq!(list().await["alerts"].as_array().unwrap().len(), 1, "what is there is shown");
    api.log.faults.lock().unwrap().away.clear();
    eventually(async || list().await.get("stale").is_none()).await;
    eventually(async || records().await == 3).await;
}
