//! `GET /v1/alerts` and `GET /v1/alerts/{alertInstanceId}`

use axum::Json;
use axum::extract::State as AxumState;
use axum::http::{HeaderMap, HeaderValue, header};
use engine::Timestamp;
use rules::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::item::{Item, State, Status};
use super::shown::{InboxAlert, Lasting};
use crate::access::{Caller, Reach};
use crate::clock;
use crate::error::{Answer, Code, Problem, ProblemBody};
use crate::extract::{IdPath, Parameters, customer, limit};
use crate::records::inbox::{self, Action, Wanted};
use crate::state::App;

/// How many rows a page may look at for each that it shows, when it shows only some.
const LOOKS: usize = 10;

/// Which alerts to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InboxQuery {
    /// Only the alerts of this customer.
    customer_id: Option<String>,
    /// `firing`, `resolved` or `suppressed`.
    state: Option<String>,
    /// `open`, `acknowledged` or `closed`; `active` for all that are not closed.
    status: Option<String>,
    /// Only those that matter so much.
    severity: Option<String>,
    /// Only those of this rule.
    alert_id: Option<String>,
    /// Only those that somebody of this name deals with.
    assignee: Option<String>,
    /// Only those that a silence holds for now, or that none holds for.
    silenced: Option<bool>,
    /// The most alerts in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of the inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxList {
    /// The alerts, those that came last first.
    alerts: Vec<InboxAlert>,
    /// Whether the inbox cannot read the alert topic now, so that alerts may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    /// Where the next page begins; absent on the last one. With `silenced` a page may be short, and empty, and not be
    /// the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Something that somebody did about an alert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShownAction {
    /// Counts what people did about the alert.
    version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who: `root`, `token:` with an id, or `oidc:` with a subject.
    who: String,
    /// The status after it.
    status: Status,
    /// Who dealt with it then.
    #[serde(skip_serializing_if = "String::is_empty")]
    assignee: String,
    /// What they wrote.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
}

impl From<Action> for ShownAction {
    fn from(action: Action) -> Self {
        let Action { version, at, who, status, assignee, note } = action;
        Self { version, at, who, status, assignee, note }
    }
}

/// An alert, with all that people did about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeAlert {
    #[serde(flatten)]
    alert: InboxAlert,
    /// What people did, in their order.
    actions: Vec<ShownAction>,
}

/// Lists alerts, those that came last first: one entry for each alert, with its latest record, its state and what people
/// made of it.
#[utoipa::path(get, path = "/v1/alerts", tag = "alerts", security(("token" = [])), params(InboxQuery), responses(
    (status = 200, description = "A page of alerts", body = InboxList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    AxumState(app): AxumState<App>,
    caller: Caller,
    Parameters(query): Parameters<InboxQuery>,
) -> Answer<Json<InboxList>> {
    let limit = limit(query.limit)?;
    let customer = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let silenced = query.silenced;
    let mut wanted = wanted(query, customer)?;
    let lasting = Lasting::read(&app.records, customer, clock::now()).await?;
    let (mut alerts, mut next) = (Vec::new(), None);
    for _ in 0..LOOKS {
        wanted.limit = limit + 1;
        let mut found = inbox::list(&app.records, &wanted).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        for item in found {
            let number = item.number;
            let shown = InboxAlert::new(item, &lasting);
            if silenced.is_none_or(|silenced| silenced == shown.is_silenced()) {
                alerts.push(shown);
            }
            wanted.before = Some(number);
            if alerts.len() == limit {
                break;
            }
        }
        next = wanted.before.filter(|_| more || alerts.len() == limit);
        if !more || alerts.len() == limit {
            break;
        }
    }
    // A page that ends with the last alert is known to be the last only if all was shown.
    if silenced.is_none() && alerts.len() < limit {
        next = None;
    }
    let stale = app.projector.is_failing();
    Ok(Json(InboxList { alerts, stale, next: next.map(|number| format!("a1.{number}")) }))
}

fn wanted(query: InboxQuery, customer: Option<CustomerId>) -> Answer<Wanted> {
    let bad = |detail: &str| Problem::new(Code::BadQuery, detail);
    if query.state.as_deref().is_some_and(|state| State::from_name(state).is_none()) {
        return Err(bad("`state` is `firing`, `resolved` or `suppressed`"));
    }
    let known = |status: &str| status == "active" || Status::from_name(status).is_some();
    if query.status.as_deref().is_some_and(|status| !known(status)) {
        return Err(bad("`status` is `open`, `acknowledged`, `closed` or `active`"));
    }
    let rule = query.alert_id.as_deref().map(str::parse::<rules::AlertId>).transpose();
    let rule = rule.map_err(|_| bad("`alertId` is not a UUID in its hyphenated form of 36 characters"))?;
    let before = |next: &str| next.strip_prefix("a1.").and_then(|number| number.parse::<u64>().ok());
    let before = query.next.as_deref().map(|next| {
        before(next)
            .filter(|number| i64::try_from(*number).is_ok())
            .ok_or_else(|| bad("`next` is not what a page before has answered"))
    });
    Ok(Wanted {
        customer: customer.map(|customer| customer.to_string()).unwrap_or_default(),
        state: query.state.unwrap_or_default(),
        status: query.status.unwrap_or_default(),
        severity: query.severity.unwrap_or_default(),
        rule: rule.map(|rule| rule.to_string()).unwrap_or_default(),
        assignee: query.assignee.unwrap_or_default(),
        before: before.transpose()?,
        limit: 0,
    })
}

/// Whose alerts somebody sees: one customer's, or everybody's.
///
/// # Errors
/// Nobody's.
pub(super) fn whose(caller: &Caller, id: Uuid) -> Answer<Option<CustomerId>> {
    match caller.reach() {
        Reach::All => Ok(None),
        Reach::Customer(own) => Ok(Some(own)),
        Reach::Global | Reach::Nothing => Err(missing(id)),
    }
}

/// The answer for an alert that is not there, or not for them.
pub(super) fn missing(id: Uuid) -> Problem {
    Problem::new(Code::NoSuchAlert, format!("there is no alert {id}"))
}

/// The version as an entity tag.
pub(super) fn etag(item: &Item) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", item.version)).expect("quoted digits are a legal header value")
}

/// One alert, with all that people did about it.
#[utoipa::path(get, path = "/v1/alerts/{alertInstanceId}", tag = "alerts", security(("token" = [])),
    params(("alertInstanceId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The alert; `ETag` counts what people did", body = WholeAlert),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn show(
    AxumState(app): AxumState<App>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Answer<(HeaderMap, Json<WholeAlert>)> {
    let of = whose(&caller, id)?;
    let item = inbox::find(&app.records, id, of).await?.ok_or_else(|| missing(id))?;
    let tag = etag(&item);
    let lasting = Lasting::read(&app.records, Some(item.customer), clock::now()).await?;
    let actions = inbox::actions(&app.records, id).await?.into_iter().map(ShownAction::from).collect();
    let whole = WholeAlert { alert: InboxAlert::new(item, &lasting), actions };
    Ok((HeaderMap::from_iter([(header::ETAG, tag)]), Json(whole)))
}
