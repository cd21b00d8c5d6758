//! The other side's HTTP API as any client would use it: a bearer token, keep-alive, plain HTTP.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::failure::usage;

/// How much of an answer is read.
const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// How much of an unexplained answer is shown.
const EXCERPT_CHARS: usize = 300;
/// Rules are answered after 10 s at the latest, events when the log has them.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one API. Clones share their idle connections.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    authorization: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// After which time to ask again, if the other side said so.
    pub(crate) retry_after: Option<Duration>,
    /// The body as text.
    pub(crate) body: String,
}

/// What an error body of RFC 9457 says.
#[derive(Deserialize)]
struct Problem {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    pointer: Option<String>,
}

impl Client {
    /// A client for this address and token; says nothing to the other side yet.
    pub(crate) fn new(target: &str, token: &str) -> Result<Self> {
        let base = target.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") {
            return Err(usage(format!("--target `{target}` has to begin with http:// (loadgen has no TLS)")));
        }
        let token = token.trim();
        if token.is_empty() || !token.chars().all(|character| character.is_ascii_graphic()) {
            return Err(usage("the token file has to hold one bearer token and nothing else"));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .max_idle_connections_per_host(256)
            .max_idle_connections(256)
            .build()
            .new_agent();
        Ok(Self { agent, base, authorization: format!("Bearer {token}") })
    }

    /// The full address of a path.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Posts a body.
    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let request = self.agent.post(self.address(path)).header("authorization", &self.authorization);
        let answer = request.header("content-type", content_type).send(body);
        self.read(answer, "POST", path)
    }

    /// Deletes what is there.
    pub(crate) fn delete(&self, path: &str) -> Result<Answer> {
        let request = self.agent.delete(self.address(path)).header("authorization", &self.authorization);
        self.read(request.call(), "DELETE", path)
    }

    /// Gets what is there.
    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        let request = self.agent.get(self.address(path)).header("authorization", &self.authorization);
        self.read(request.call(), "GET", path)
    }

    /// Opens a stream of server-sent events after this position; the caller reads it for as long as it lasts.
    pub(crate) fn stream(&self, path: &str, after: Option<&str>) -> Result<Response<Body>> {
        let mut request = self.agent.get(self.address(path)).header("authorization", &self.authorization);
        request = request.header("accept", "text/event-stream");
        if let Some(position) = after {
            request = request.header("last-event-id", position);
        }
        let answer = request.call();
        if answer.as_ref().is_ok_and(|answer| answer.status().as_u16() == 200) {
            return answer.with_context(|| self.unreachable("GET", path));
        }
        Err(self.read(answer, "GET", path)?.refusal("GET", &self.address(path)))
    }

    fn read(&self, answer: Result<Response<Body>, ureq::Error>, method: &str, path: &str) -> Result<Answer> {
        let mut answer = answer.with_context(|| self.unreachable(method, path))?;
        let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).lossy_utf8(true).read_to_string();
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: seconds.map(Duration::from_secs),
            body: body.with_context(|| format!("{method} {}: the answer broke off", self.address(path)))?,
        })
    }

    fn unreachable(&self, method: &str, path: &str) -> String {
        format!("{method} {} got no answer; is `tocsin run` ready there (--target)?", self.address(path))
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub(crate) fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the other side asks for the same request again, later.
    pub(crate) fn overloaded(&self) -> bool {
        matches!(self.status, 429 | 503)
    }

    /// The answer if it is 2xx.
    pub(crate) fn accept(self, method: &str, address: &str) -> Result<Self> {
        if self.accepted() { Ok(self) } else { Err(self.refusal(method, address)) }
    }

    /// What was tried, what was answered, what to do.
    pub(crate) fn refusal(&self, method: &str, address: &str) -> anyhow::Error {
        let hint = match self.status {
            401 => "; is --token-file the one this server wrote?",
            403 => "; the token needs the rights of `root`",
            404 => "; is --target the API of Tocsin?",
            413 => "; make --batch-ms smaller",
            429 | 503 => "; lower --rate",
            _ => "",
        };
        anyhow::anyhow!("{method} {address} was answered {}: {}{hint}", self.status, self.reason())
    }

    fn reason(&self) -> String {
        let problem = serde_json::from_str::<Problem>(&self.body).ok();
        let parts: Vec<String> = problem
            .into_iter()
            .flat_map(|problem| [problem.code, problem.title, problem.detail, problem.pointer])
            .flatten()
            .collect();
        if parts.is_empty() { self.body.chars().take(EXCERPT_CHARS).collect() } else { parts.join(", ") }
    }
}

/// Reads the token; the file is written by the other side at its first start.
pub(crate) fn read_token(path: &std::path::Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(token) => Ok(token),
        Err(error) => bail!(usage(format!(
            "cannot read the token file {}: {error}; `tocsin run` writes `root.token` into its data folder (--token-file)",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeServer;

    #[test]
    fn token_and_body_arrive_and_the_answer_comes_back() {
        let server = FakeServer::start(|request| {
            assert_eq!(request.head.lines().next(), Some("POST /v1/rules HTTP/1.1"));
            assert!(request.head.to_lowercase().contains("authorization: bearer secret"));
            (201, "{\"version\":1}".to_owned())
        });
        let client = Client::new(&server.address, "secret\n").expect("the address is fine");
        let answer = client.post("/v1/rules", "application/json", b"{}").expect("is answered");
        assert_eq!((answer.status, answer.body.as_str()), (201, "{\"version\":1}"));
    }

    #[test]
    fn a_problem_is_told_with_what_to_do() {
        let server =
            FakeServer::start(|_| (401, r#"{"code":"TOC-2001","title":"unknown token"}"#.to_owned()));
        let client = Client::new(&server.address, "secret").expect("the address is fine");
        let answer = client.delete("/v1/rules/a/b").expect("is answered");
        let text = answer.accept("DELETE", "/v1/rules/a/b").expect_err("is refused").to_string();
        assert!(text.contains("was answered 401: TOC-2001, unknown token; is --token-file"), "{text}");
    }

    #[test]
    fn nobody_there_is_told_with_the_address() {
        let client = Client::new("http://127.0.0.1:1", "secret").expect("the address is fine");
        let text = format!("{:#}", client.get("/healthz").expect_err("nobody listens on port 1"));
        assert!(text.contains("http://127.0.0.1:1/healthz got no answer"), "{text}");
    }

    #[test]
    fn wrong_settings_are_usage_errors() {
        for (target, token) in [("https://a", "t"), ("http://a", " \n"), ("http://a", "two words")] {
            let error = Client::new(target, token).expect_err("is refused");
            assert_eq!(crate::failure::exit_code(&error), 2);
        }
    }
}
