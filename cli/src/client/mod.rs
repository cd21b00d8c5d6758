//! The API's client: requests with the token, answers as JSON, problems as text that says what to do.

mod problem;
pub(crate) mod profiles;
mod sse;

pub(crate) use problem::{describe as describe_problem, line as describe_place};

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

pub(crate) use profiles::Profile;
pub(crate) use sse::Events;

use crate::arguments::Remote;
use crate::failure::Failure;

/// How long a request may take; a rule write waits up to 10 s for the workers.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a request may take that is answered line by line: an import waits up to 60 s at its end.
const LINES_TIMEOUT: Duration = Duration::from_secs(600);

/// A connection to a running system.
pub(crate) struct Client {
    agent: Agent,
    server: String,
    token: String,
}

/// An answer: its status, and its body if that is JSON.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Client {
    /// A client of the system that the arguments name.
    pub(crate) fn new(remote: &Remote) -> Result<Self, Failure> {
        let profile = match (&remote.profile, profiles::file()) {
            (Some(name), file) => {
                let found = profiles::find(&file?, name)?;
                let none =
                    || Failure::usage(format!("there is no profile `{name}`; `tocsin login` makes one"));
                Some(found.ok_or_else(none)?)
            },
            // What is named outright needs no profile; without a home there is none.
            (None, Ok(file)) if remote.server.is_none() && remote.token_file.is_none() => {
                profiles::find(&file, profiles::DEFAULT)?
            },
            (None, _) => None,
        };
        let server =
            remote.server.as_deref().or_else(|| profile.as_ref().map(|profile| profile.server.as_str()));
        let server = server.unwrap_or("http://127.0.0.1:8080");
        let token = match (std::env::var("TOCSIN_TOKEN"), &remote.token_file, &profile) {
            (Ok(token), ..) => token,
            (_, Some(file), _) => read_token(file)?,
            // A profile's token is for its own server and for no other.
            (_, None, Some(profile)) if profile.server == server => profile.token.clone(),
            (_, None, _) => read_token(Path::new("data/root.token"))?,
        };
        Ok(Self::of(server, token))
    }

    /// Where the system is.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Reads all pages of a list; `field` names its things.
    pub(crate) fn pages(&self, path: &str, field: &str, mut each: impl FnMut(&Value)) -> Result<(), Failure> {
        let mut cursor = String::new();
        loop {
            let body = self.get(&format!("{path}{cursor}"))?.ok()?;
            body[field].as_array().into_iter().flatten().for_each(&mut each);
            match body["next"].as_str() {
                Some(next) => cursor = format!("&next={next}"),
                None => return Ok(()),
            }
        }
    }

    /// A client of that server with that token.
    pub(crate) fn of(server: &str, token: String) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
        Self { agent: agent.into(), server: server.trim_end_matches('/').to_owned(), token }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer, Failure> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        self.answer(request.call())
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Answer, Failure> {
        let request = self.agent.delete(self.url(path)).header("authorization", self.bearer());
        self.answer(request.call())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.agent.patch(self.url(path)).header("authorization", self.bearer());
        self.answer(request.header("content-type", "application/json").send(body.to_string().as_bytes()))
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        self.answer(request.header("content-type", content_type).send(body))
    }

    /// Opens a stream of server-sent events; `from` is the id of the last one seen.
    pub(crate) fn stream(
        &self,
        path: &str,
        from: Option<&str>,
    ) -> Result<Events<impl BufRead + use<>>, Failure> {
        let mut request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        if let Some(id) = from {
            request = request.header("last-event-id", id);
        }
        // A stream has no end by itself; the server shows every 15 s that it is alive.
        let request = request.config().timeout_global(None).timeout_recv_response(Some(TIMEOUT)).build();
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() != 200 {
            return Err(self.answer(Ok(response))?.refused());
        }
        Ok(Events::new(BufReader::new(response.into_body().into_reader())))
    }

    /// Sends a body whose answer is read line by line.
    pub(crate) fn post_for_lines(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<impl BufRead + use<>, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let request = request.header("content-type", content_type).config();
        let request = request.timeout_global(Some(LINES_TIMEOUT)).build();
        self.lines(request.send(body))
    }

    /// An answer that is read line by line, however long it is.
    pub(crate) fn get_lines(&self, path: &str) -> Result<impl BufRead + use<>, Failure> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        let request = request.config().timeout_global(None).timeout_recv_response(Some(TIMEOUT)).build();
        self.lines(request.call())
    }

    fn lines(&self, response: Result<Response<Body>, ureq::Error>) -> Result<impl BufRead + use<>, Failure> {
        let response = response.map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() != 200 {
            return Err(self.answer(Ok(response))?.refused());
        }
        Ok(BufReader::new(response.into_body().into_reader()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn answer(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Answer, Failure> {
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure::other_side(format!(
            "{}: {error}; is `tocsin run` there? Name another address with --server or TOCSIN_SERVER",
            self.server
        ))
    }
}

impl Answer {
    /// The body, or the failure that the status stands for.
    pub(crate) fn ok(self) -> Result<Value, Failure> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(self.refused()) }
    }

    /// The failure that the status stands for.
    pub(crate) fn refused(&self) -> Failure {
        let message = problem::describe(self.status, &self.body);
        if self.status >= 500 { Failure::other_side(message) } else { Failure::usage(message) }
    }
}

fn read_token(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "token file {}: {error}; `tocsin run` makes one in its data folder; name it with --token-file, or `tocsin login` to another server",
            file.display()
        ))
    })?;
    Ok(text.trim().to_owned())
}
