//! Checking and explaining rules through the router.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::testing::{ALERT, CUSTOMER, Harness};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn rule(condition: &str) -> Value {
    json!({ "customerId": CUSTOMER, "alertId": ALERT, "alertName": "n", "match": condition })
}

#[tokio::test]
async fn a_sound_rule_is_answered_in_its_normal_form_and_not_written() {
    let api = Harness::start();
    let text =
        json!({"customerId": CUSTOMER.to_uppercase(), "alertName": "n", "match": "$.a==1", "threshold": 2});
    let answered = api.post("/v1/rules:validate", text.to_string()).await;
    let expected = json!({
        "rule": {
            "customerId": CUSTOMER, "alertName": "n", "alertDescription": "", "status": "active", "severity": "medium",
            "match": "$.a == 1", "threshold": {"gte": 2},
        },
        "evaluatedAlone": false,
    });
    assert_eq!((answered.status, answered.json()), (StatusCode::OK, expected));
    let wide = ["($.a == 1 || $.b == 1)"; 7].join(" && ");
    let answered = api.post("/v1/rules:validate", rule(&wide).to_string()).await.json();
    assert_eq!((&answered["evaluatedAlone"], &answered["rule"]["alertId"]), (&json!(true), &json!(ALERT)));
    let original = json!({"customerId": CUSTOMER, "alertId": ALERT, "jsonPath": "$.a"}).to_string();
    assert_eq!(api.post("/v1/rules:validate", original).await.json()["rule"]["jsonPath"], "$.a");
    assert_eq!(api.log.memory.records(&api.topics.controls).len(), 0);
}

#[tokio::test]
async fn a_rule_that_is_not_sound_gets_all_problems_as_writing_it_does() {
    let api = Harness::start();
    for body in [
        json!({"customerId": "x", "alertId": 7, "match": "$.a = 1", "treshold": 1}).to_string(),
        "{\"a\":\n}".to_owned(),
        "x".repeat(64 * 1024 + 1),
    ] {
        let written = api.post("/v1/rules", body.clone()).await;
        let validated = api.post("/v1/rules:validate", body).await;
        assert_eq!((validated.status, validated.json()), (written.status, written.json()));
        assert!(validated.status.is_client_error());
    }
    let bad = json!({"customerId": "x", "alertId": 7, "match": "$.a = 1", "treshold": 1}).to_string();
    let errors = api.post("/v1/rules:validate", bad).await.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 5);
    let place = errors.as_array().unwrap().iter().find(|error| error["pointer"] == "/match").unwrap();
    assert_eq!((&place["column"], &place["expected"]), (&json!(5), &json!("`==`")));
}

#[tokio::test]
async fn a_rule_is_explained_on_a_payload_or_an_event() {
    let mut api = Harness::start();
    api.workers_are_ahead();
    let condition = "$.a == 9007199254740993 && $.b[*] == 1";
    let payload = r#"{"a": 9007199254740993.0, "b": ["1", 2]}"#;
    let quoted = Value::from(payload).to_string();
    assert_eq!(api.post("/v1/rules", rule(condition).to_string()).await.status, StatusCode::CREATED);
    let given = format!("\"rule\": {}", rule(condition));
    let known = format!("\"customerId\": \"{CUSTOMER}\", \"alertId\": \"{ALERT}\"");
    let event = |customer: &str, payload: &str| {
        format!("\"event\": {{\"customerId\": \"{customer}\", \"payload\": {payload}}}")
    };
    for (body, applies) in [
        (format!("{{{given}, \"payload\": {payload}}}"), None),
        (format!("{{{known}, \"payload\": {quoted}}}"), None),
        (format!("{{{known}, {}}}", event(CUSTOMER, payload)), Some(true)),
        (format!("{{{given}, {}}}", event(OTHER, &quoted)), Some(false)),
    ] {
        let answered = api.post("/v1/rules:explain", body).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
        let answered = answered.json();
        assert_eq!(answered["applies"].as_bool(), applies);
        assert_eq!(
            (&answered["alertId"], &answered["conditions"][0]["name"]),
            (&json!(ALERT), &json!("match"))
        );
        let tree = &answered["conditions"][0]["explanation"];
        assert_eq!((&tree["holds"], &tree["kind"]), (&json!(false), &json!("all")));
        assert_eq!(tree["parts"][0]["holds"], true, "numbers are exact: {tree}");
        assert_eq!(tree["parts"][1]["nodes"][0]["path"], "$['b'][0]");
    }
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused_with_their_place() {
    let api = Harness::start();
    let given = json!({"rule": rule("$.a")});
    let with = |members: Value| {
        let mut question = given.clone();
        question.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        question.to_string()
    };
    let cases = [
        ("nonsense".to_owned(), 400, "TOC-4026", Value::Null),
        (with(json!({})), 400, "TOC-4026", json!("")),
        (with(json!({"payload": 1, "event": 1})), 400, "TOC-4026", json!("")),
        (with(json!({"payload": 1, "alertId": ALERT})), 400, "TOC-4026", json!("")),
        (with(json!({"payload": 1, "evnt": 1})), 400, "TOC-4026", Value::Null),
        (
            json!({"customerId": CUSTOMER, "alertId": "x", "payload": 1}).to_string(),
            400,
            "TOC-4026",
            json!("/alertId"),
        ),
        (
            json!({"customerId": CUSTOMER, "alertId": ALERT, "payload": 1}).to_string(),
            404,
            "TOC-4014",
            Value::Null,
        ),
        (json!({"rule": rule("$.a ="), "payload": 1}).to_string(), 422, "TOC-1009", json!("/rule/match")),
        (json!({"rule": [], "payload": 1}).to_string(), 422, "TOC-1004", json!("/rule")),
        (with(json!({"payload": "{"})), 400, "TOC-2007", json!("/payload")),
        (with(json!({"event": {"customerId": CUSTOMER}})), 400, "TOC-2006", json!("/event/payload")),
        (
            with(json!({"event": {"customerId": "x", "payload": 1}})),
            400,
            "TOC-2004",
            json!("/event/customerId"),
        ),
        (with(json!({"payload": "x".repeat(1 << 20)})), 413, "TOC-2009", json!("/payload")),
        ("x".repeat(5 << 20), 413, "TOC-4006", Value::Null),
    ];
    for (body, status, code, pointer) in cases {
        let shown: String = body.chars().take(120).collect();
        let refused = api.post("/v1/rules:explain", body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (status, code),
            "{shown} {}",
            refused.text
        );
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{shown} {}", refused.text);
    }
}

#[tokio::test]
async fn only_so_many_explanations_are_made_at_once() {
    let api = Harness::with(|settings| settings.explanations_max = 0);
    let body = json!({"rule": rule("$.a"), "payload": {}}).to_string();
    let refused = api.post("/v1/rules:explain", body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "TOC-4019".to_owned()));
}
