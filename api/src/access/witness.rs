//! What is written down of a request: the entry that it makes in the audit log.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use rules::CustomerId;

use super::{Caller, Source};
use crate::audit::entry::Entry;
use crate::clock;
use crate::error::CodeOf;
use crate::observe::RequestId;

/// The longest path that is written down.
const PATH_BYTES_MAX: usize = 200;

/// What a handler has made or changed; an extension of its response. Without it the path says so.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) path: String,
    pub(crate) customer: Option<CustomerId>,
}

/// That something is there and was not shown, since it is another's; an extension of the response, which clients do
/// not see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hidden;

/// A request, as far as it is written down.
pub(super) struct Witness {
    caller: Option<Caller>,
    source: Source,
    action: String,
    path: String,
    request: String,
}

impl Witness {
    pub(super) fn new(request: &Request, route: &str, source: Source) -> Self {
        let id = request.extensions().get::<RequestId>();
        Self {
            caller: None,
            source,
            action: format!("{} {route}", request.method()),
            path: harmless(request.uri().path()),
            request: id.map(|id| id.0.clone()).unwrap_or_default(),
        }
    }

    /// Notes who it is.
    pub(super) fn identified(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    pub(super) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The entry of this request with that answer.
    pub(super) fn entry(&self, response: &Response) -> Entry {
        let principal = self.caller.as_ref().map(|caller| &caller.0);
        let object = response.extensions().get::<Object>();
        let customer = object
            .and_then(|object| object.customer)
            .or_else(|| principal.and_then(|principal| principal.customer));
        Entry {
            at: clock::now(),
            who: principal.map(|principal| principal.id.clone()).unwrap_or_default(),
            role: principal.map(|principal| principal.role.name().to_owned()).unwrap_or_default(),
            customer_id: customer.map(|customer| customer.to_string()).unwrap_or_default(),
            source: self.source.0.to_string(),
            action: self.action.clone(),
            object: object.map_or_else(|| self.path.clone(), |object| object.path.clone()),
            status: response.status().as_u16(),
            code: response.extensions().get::<CodeOf>().map(|code| code.0.to_owned()).unwrap_or_default(),
            request_id: self.request.clone(),
            times: 1,
        }
    }
}

/// Whether somebody was refused something.
pub(super) fn is_refusal(response: &Response) -> bool {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    refused.contains(&response.status()) || response.extensions().get::<Hidden>().is_some()
}

/// The path, if it is one of names and ids. What somebody has put into it by mistake, such as a token, is not kept.
fn harmless(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-.:".contains(&byte);
    let short = path.split('/').all(|part| part.len() <= 80);
    if path.len() <= PATH_BYTES_MAX && short && path.bytes().all(plain) {
        path.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_path_is_not_written_down() {
        let id = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34";
        for path in [format!("/v1/rules/{id}/{id}:pause"), "/v1/rules/schema.json".to_owned()] {
            assert_eq!(harmless(&path), path);
        }
        let secret = crate::token::generate().unwrap();
        let long = "a".repeat(81);
        for path in
            [format!("/v1/tokens/{secret}"), format!("/v1/tokens/{long}"), "/v1/rules/a%00/b".to_owned()]
        {
            assert_eq!(harmless(&path), "", "{path}");
        }
    }
}
