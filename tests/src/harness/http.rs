//! The HTTP API as a test calls it.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// A client with a token.
#[derive(Clone)]
pub struct Http {
    agent: Agent,
    pub address: String,
    pub token: String,
}

impl Http {
    pub fn new(address: &str, token: &str) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { agent: config.build().into(), address: address.to_owned(), token: token.to_owned() }
    }

    /// Status and JSON body of a GET; none if the server did not answer.
    pub fn get(&self, path: &str) -> Option<(u16, Value)> {
        let request =
            self.agent.get(format!("{}{path}", self.address)).header("authorization", self.bearer());
        Self::read(request.call())
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Option<(u16, Value)> {
        let request =
            self.agent.post(format!("{}{path}", self.address)).header("authorization", self.bearer());
        Self::read(request.header("content-type", content_type).send(body))
    }

    pub fn delete(&self, path: &str) -> Option<(u16, Value)> {
        let request =
            self.agent.delete(format!("{}{path}", self.address)).header("authorization", self.bearer());
        Self::read(request.call())
    }

    /// Puts a rule in force on every partition.
    pub fn rule(&self, rule: &Value) {
        let (status, body) =
            self.post("/v1/rules", "application/json", rule.to_string().as_bytes()).expect("an answer");
        assert!(matches!(status, 200 | 201), "{status} {body}");
        assert_eq!(body["effective"], Value::Bool(true), "{body}");
    }

    /// Sends events as one batch; whether they were all acknowledged.
    pub fn events(&self, events: &[Value]) -> bool {
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        let path = "/v1/events?positions=false";
        match self.post(path, "application/x-ndjson", lines.join("\n").as_bytes()) {
            Some((200, body)) => body["accepted"] == events.len(),
            _ => false,
        }
    }

    /// The alert stream from a position on, each alert with its position.
    pub fn alerts(&self, from: &str) -> impl Iterator<Item = (String, Value)> + use<> {
        let request = self
            .agent
            .get(format!("{}/v1/alerts/stream", self.address))
            .header("authorization", self.bearer());
        let request = request.header("last-event-id", from).config().timeout_global(None).build();
        let response = request.call().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let lines = BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok);
        let mut id = String::new();
        lines.filter_map(move |line| {
            if let Some(found) = line.strip_prefix("id:") {
                found.trim().clone_into(&mut id);
            }
            let data = line.strip_prefix("data:")?;
            Some((id.clone(), serde_json::from_str(data.trim()).unwrap()))
        })
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<(u16, Value)> {
        let mut response = response.ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}
