//! `GET /v1/destinations` and `DELETE /v1/destinations/{destinationId}`

use axum::extract::State;
use axum::{Extension, Json};
use engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::form::Form;
use crate::access::{Caller, Object, Reach};
use crate::alerts::inbox::silence::Matcher;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{IdPath, Parameters, customer, limit};
use crate::records::destinations::{self, Destination};
use crate::state::App;

/// A destination, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationBody {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Whose alerts it gets.
    #[schema(format = Uuid)]
    customer_id: String,
    /// What people call it.
    name: String,
    /// Where it is, without what comes behind the host, which may hold a secret.
    host: String,
    /// What it takes.
    form: Form,
    /// Only alerts for which all of them hold.
    matchers: Vec<Matcher>,
    /// Who made it.
    created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many alerts wait for it.
    waiting: u64,
    /// How many alerts it has got.
    delivered: u64,
    /// How many alerts were given up: refused by it, failed for a day, or without room.
    dropped: u64,
    /// How many attempts have failed since the last success.
    failures: u64,
    /// Why the last one has.
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
}

impl DestinationBody {
    pub(super) fn new(destination: Destination, waiting: u64) -> Self {
        let host = destination.url.split('/').take(3).collect::<Vec<_>>().join("/");
        Self {
            id: destination.id.to_string(),
            customer_id: destination.customer.to_string(),
            name: destination.name,
            host,
            form: destination.form,
            matchers: destination.matchers,
            created_by: destination.made_by,
            created_at: destination.made_at,
            waiting,
            delivered: destination.delivered,
            dropped: destination.dropped,
            failures: destination.failures,
            last_error: destination.last_error,
        }
    }
}

/// Which destinations to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DestinationQuery {
    /// Only those of this customer.
    customer_id: Option<String>,
    /// The most destinations in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of destinations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DestinationList {
    /// The destinations in the order they were made.
    destinations: Vec<DestinationBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists destinations, and how sending to them goes.
#[utoipa::path(get, path = "/v1/destinations", tag = "alerts", security(("token" = [])), params(DestinationQuery), responses(
    (status = 200, description = "A page of destinations", body = DestinationList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<DestinationQuery>,
) -> Answer<Json<DestinationList>> {
    let limit = limit(query.limit)?;
    let of = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let bad = |_| Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let after = query.next.as_deref().map(str::parse::<Uuid>).transpose().map_err(bad)?;
    let mut found = destinations::list(&app.records, of, after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(destination, _)| destination.id.to_string());
    let shown = found.into_iter().map(|(destination, waiting)| DestinationBody::new(destination, waiting));
    Ok(Json(DestinationList { destinations: shown.collect(), next }))
}

/// Removes a destination; what waits for it is not sent.
#[utoipa::path(delete, path = "/v1/destinations/{destinationId}", tag = "alerts", security(("token" = [])),
    params(("destinationId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The destination, as it was", body = DestinationBody),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Answer<(Extension<Object>, Json<DestinationBody>)> {
    let none = || Problem::new(Code::NoSuchDestination, format!("there is no destination {id}"));
    let of = match caller.reach() {
        Reach::All => None,
        Reach::Customer(own) => Some(own),
        Reach::Global | Reach::Nothing => return Err(none()),
    };
    let removed = destinations::remove(&app.records, id, of).await?.ok_or_else(none)?;
    let object = Object { path: format!("/v1/destinations/{id}"), customer: Some(removed.customer) };
    Ok((Extension(object), Json(DestinationBody::new(removed, 0))))
}
