//! Sends all rules, one a line.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rules::{CustomerId, RuleKey};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::page::page;
use crate::access::{Caller, Reach};
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{Parameters, customer};
use crate::state::App;

/// How many rules are written out at once: the book is held for so long.
const PAGE: usize = 200;
/// How many pages wait for the client.
const PAGES_MAX: usize = 2;

/// Which rules to send.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Only the rules of this customer.
    customer_id: Option<String>,
}

/// Sends all rules that the caller may write by customer and id, one a line, as `POST /v1/rules:import` takes them. A rule that is written
/// meanwhile may be there in either version.
#[utoipa::path(get, path = "/v1/rules:export", tag = "rules", security(("token" = [])), params(ExportQuery), responses(
    (status = 200, description = "The rules, one a line", body = Value, content_type = "application/x-ndjson"),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "Rules are not read yet", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn export(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<ExportQuery>,
) -> Answer<Response> {
    let of = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let reach = caller.reach();
    if let Some(reason) = app.follower.not_ready() {
        // Half of the rules would look like all of them.
        return Err(Problem::new(Code::NotReady, reason).retry_after(1));
    }
    let (pages, receiver) = mpsc::channel(PAGES_MAX);
    tokio::spawn(async move {
        let mut after = None;
        loop {
            let (text, next) = write_page(&app, reach, after, of);
            // A client that has gone away wants no more.
            if pages.send(text).await.is_err() || next.is_none() {
                return;
            }
            after = next;
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn write_page(
    app: &App,
    reach: Reach,
    after: Option<RuleKey>,
    of: Option<CustomerId>,
) -> (Bytes, Option<RuleKey>) {
    let page = app.follower.look(|book| page(book, reach, after, of, PAGE));
    let text: String = page.rules.into_iter().map(|rule| format!("{rule}\n")).collect();
    (text.into(), page.next)
}
