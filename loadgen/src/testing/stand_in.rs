//! A stand-in for Tocsin: counts probes per rule in the plainest way and fires once. It can be told to be faulty.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{FakeServer, Request};

/// What it does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It forgets the first alert.
    LosesOne,
    /// It says the first alert twice.
    RepeatsOne,
    /// It counts every event twice.
    CountsTwice,
}

struct Rule {
    customer: String,
    probe: String,
    threshold: u64,
    count: u64,
}

#[derive(Default)]
struct State {
    rules: BTreeMap<String, Rule>,
    alerts: u64,
    streams: Vec<Sender<String>>,
}

/// One running stand-in.
#[derive(Clone)]
pub(crate) struct StandIn {
    fault: Fault,
    state: Arc<Mutex<State>>,
}

impl StandIn {
    /// Starts one; its HTTP API is that of the address.
    pub(crate) fn start(fault: Fault) -> (Self, FakeServer) {
        let this = Self { fault, state: Arc::default() };
        let server = this.clone();
        (this, FakeServer::serve(move |request, stream| server.answer(request, stream)))
    }

    /// How many rules are in force.
    pub(crate) fn rules(&self) -> usize {
        self.state.lock().expect("not poisoned").rules.len()
    }

    /// Takes an event; the alerts that it causes, as records.
    pub(crate) fn event(&self, envelope: &str) -> Vec<String> {
        let envelope: Value = serde_json::from_str(envelope).expect("the envelope is JSON");
        let payload: Value =
            serde_json::from_str(envelope["payload"].as_str().expect("is text")).expect("is JSON");
        let probes: Vec<&Value> =
            payload["probes"].as_array().expect("is a list").iter().map(|probe| &probe["name"]).collect();
        let mut state = self.state.lock().expect("not poisoned");
        let State { rules, alerts, .. } = &mut *state;
        let mut caused = Vec::new();
        for (alert_id, rule) in rules.iter_mut() {
            if envelope["customerId"] != rule.customer || !probes.iter().any(|name| **name == rule.probe) {
                continue;
            }
            let fires = |count| count == rule.threshold;
            rule.count += 1;
            let mut fired = fires(rule.count);
            if self.fault == Fault::CountsTwice {
                rule.count += 1;
                fired |= fires(rule.count);
            }
            if fired {
                *alerts += 1;
                let alert = json!({"customerId": rule.customer, "alertId": alert_id, "state": "firing", "value": rule.count});
                let times = match self.fault {
                    Fault::LosesOne if *alerts == 1 => 0,
                    Fault::RepeatsOne if *alerts == 1 => 2,
                    Fault::None | Fault::LosesOne | Fault::RepeatsOne | Fault::CountsTwice => 1,
                };
                caused.extend(std::iter::repeat_n(alert.to_string(), times));
            }
        }
        caused
    }

    fn answer(&self, request: &Request, stream: &mut TcpStream) {
        let mut line = request.head.lines().next().expect("has a request line").split(' ');
        let (method, path) = (line.next().expect("has a method"), line.next().expect("has a path"));
        match (method, path) {
            ("GET", "/v1/alerts/stream") => self.stream(stream),
            ("POST", "/v1/rules") => self.post_rule(&request.body),
            ("POST", "/v1/events") => self.post_events(&request.body),
            ("DELETE", _) => {
                let alert_id = path.rsplit('/').next().expect("has an id");
                self.state.lock().expect("not poisoned").rules.remove(alert_id);
            },
            _ => {},
        }
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}")
            .expect("the client reads its answer");
    }

    fn post_rule(&self, body: &str) {
        let rule: Value = serde_json::from_str(body).expect("is JSON");
        let text = |name: &str| rule[name].as_str().expect("is text").to_owned();
        let probe = text("jsonPath").split('\'').nth(1).expect("quotes a name").to_owned();
        let threshold = rule["threshold"].as_u64().expect("is a number");
        let kept = Rule { customer: text("customerId"), probe, threshold, count: 0 };
        self.state.lock().expect("not poisoned").rules.insert(text("alertId"), kept);
    }

    fn post_events(&self, body: &str) {
        for line in body.lines() {
            for alert in self.event(line) {
                let state = self.state.lock().expect("not poisoned");
                state.streams.iter().for_each(|stream| _ = stream.send(alert.clone()));
            }
        }
    }

    /// Never ends: the test's process does.
    fn stream(&self, stream: &mut TcpStream) {
        let (sender, alerts): (Sender<String>, Receiver<String>) = channel();
        self.state.lock().expect("not poisoned").streams.push(sender);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: listening\n\n")
            .expect("the client reads");
        for (number, alert) in (1..).zip(alerts) {
            write!(stream, "id: {number}\ndata: {alert}\n\n").expect("the client reads");
        }
    }
}
