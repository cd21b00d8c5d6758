//! The problem document and the response that carries it.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::Refusal;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Code, Fault, inner};
use crate::access::Hidden;

/// Where the entries of the codes are served.
const DOCUMENT: &str = "/docs/errors.md";

/// An answer that says what went wrong.
#[derive(Debug)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    body: ProblemBody,
    status: StatusCode,
    headers: HeaderMap,
    hidden: bool,
}

/// The code of the problem that a response tells; an extension of the response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeOf(pub(crate) &'static str);

/// A problem document of RFC 9457. `code` is stable, the texts are for people and are not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A link to the code's entry in the list of errors.
    r#type: String,
    /// What this kind of problem is called.
    title: Cow<'static, str>,
    /// The status of the answer.
    status: u16,
    /// The stable code, for instance `TOC-4014`.
    code: &'static str,
    /// What happened this time.
    detail: String,
    /// What is wrong with the caller's input, each with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// More, by code: `current`, `reasons`, `position`.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of this code.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::of(code.code(), (code.status(), code.title()), detail.into())
    }

    /// A body that is not the JSON that was expected.
    pub(crate) fn unreadable_body(error: &serde_json::Error, expected: &str) -> Self {
        let fault = Fault {
            code: Code::BadBody.code(),
            pointer: None,
            line: Some(error.line()),
            column: Some(error.column()),
            message: error.to_string(),
            expected: expected.to_owned(),
        };
        Self::new(Code::BadBody, "the body cannot be read").with_faults(vec![fault])
    }

    /// A body of which one member does not do.
    pub(crate) fn bad_body(pointer: &str, message: &str, expected: &str) -> Self {
        let fault = Fault::of_body(pointer, message, expected);
        Self::new(Code::BadBody, format!("{message}; expected {expected}")).with_faults(vec![fault])
    }

    /// A refused event, on its own.
    pub(crate) fn of_event(refusal: &Refusal, fault: Fault) -> Self {
        let reason = refusal.reason;
        Self::of(reason.code(), inner::of_event(reason), refusal.detail.clone()).with_faults(vec![fault])
    }

    fn of(code: &'static str, (status, title): (StatusCode, &'static str), detail: String) -> Self {
        let body = ProblemBody {
            r#type: format!("{DOCUMENT}#{}", code.to_ascii_lowercase()),
            title: Cow::Borrowed(title),
            status: status.as_u16(),
            code,
            detail,
            errors: Vec::new(),
            more: Map::new(),
        };
        Self(Box::new(Parts { body, status, headers: HeaderMap::new(), hidden: false }))
    }

    /// Adds the places in the caller's input.
    pub(crate) fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.body.errors = faults;
        self
    }

    /// Adds a member to the document.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.body.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Notes that what is said not to be there is another's. Clients do not see that, the audit log does.
    pub(crate) fn hidden(mut self) -> Self {
        self.0.hidden = true;
        self
    }

    /// Says after how many seconds to try again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

/// All that is wrong with a rule: the code of the first problem, and a list of all.
impl From<&rules::Invalid> for Problem {
    fn from(invalid: &rules::Invalid) -> Self {
        let Some(first) = invalid.problems.first() else {
            return Self::new(Code::Internal, "a rule was refused without a reason");
        };
        let detail = match invalid.problems.len() {
            1 => first.to_string(),
            count => format!("{count} problems; the first: {first}"),
        };
        let faults = invalid.problems.iter().map(Fault::from).collect();
        Self::of(first.code.code(), inner::of_rule(first.code), detail).with_faults(faults)
    }
}

/// The document alone, for where an answer has begun and its status cannot be changed any more.
impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.body.serialize(serializer)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { body, status, mut headers, hidden } = *self.0;
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        let code = Extension(CodeOf(body.code));
        let mut response = (status, headers, code, Json(body)).into_response();
        if hidden {
            response.extensions_mut().insert(Hidden);
        }
        response
    }
}
