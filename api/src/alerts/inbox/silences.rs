//! `/v1/silences`

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::Timestamp;
use rules::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::silence::{MATCHERS_MAX, Matcher, Silence};
use crate::access::{Caller, Object, Reach, foreign};
use crate::clock;
use crate::error::{Answer, Code, Fault, Problem, ProblemBody};
use crate::extract::{IdPath, Parameters, customer, limit};
use crate::records::silences::{self, SILENCES_MAX};
use crate::state::App;

/// The largest body: 20 matchers of 100 values.
const BODY_BYTES_MAX: usize = 1 << 20;
const REASON_CHARS_MAX: usize = 1_000;
/// How long a silence may last.
const LASTS_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1_000;
/// What a body is.
const EXPECTED: &str =
    "an object with `matchers`, `reason` and `endsAt`, and where they apply `customerId` and `startsAt`";

/// What to silence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSilence {
    /// Whose alerts; that of the token if not given.
    #[schema(format = Uuid)]
    customer_id: Option<String>,
    /// All of them must hold; 1 to 20.
    matchers: Vec<Matcher>,
    /// Why, 1 to 1,000 characters.
    reason: String,
    /// When it begins; now if not given.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// When it ends, at most a year from its beginning.
    #[schema(format = DateTime)]
    ends_at: String,
}

/// A silence: alerts that match it are told to nobody while it lasts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SilenceBody {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Whose alerts.
    #[schema(format = Uuid)]
    customer_id: String,
    /// All of them must hold.
    matchers: Vec<Matcher>,
    /// Why.
    reason: String,
    /// Who made it.
    created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Whether it lasts now.
    lasts: bool,
}

impl SilenceBody {
    fn new(silence: Silence, now: Timestamp) -> Self {
        Self {
            lasts: silence.lasts(now),
            id: silence.id.to_string(),
            customer_id: silence.customer.to_string(),
            matchers: silence.matchers,
            reason: silence.reason,
            created_by: silence.made_by,
            created_at: silence.made_at,
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
        }
    }
}

/// Which silences to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SilenceQuery {
    /// Only those of this customer.
    customer_id: Option<String>,
    /// Also those that have ended, which are kept for 30 days.
    #[serde(default)]
    ended: bool,
    /// The most silences in the answer, at most 1,000; 100 if not given.
    limit: Option<usize>,
    /// The `next` of the page before.
    next: Option<String>,
}

/// A page of silences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilenceList {
    /// The silences in the order they were made.
    silences: Vec<SilenceBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Silences alerts for a time: they come into the inbox and are told to nobody. It holds for edited rules, too.
#[utoipa::path(post, path = "/v1/silences", tag = "alerts", security(("token" = [])),
    request_body = NewSilence,
    responses(
        (status = 201, description = "The silence", body = SilenceBody),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn make(State(app): State<App>, caller: Caller, request: Request) -> Answer<Response> {
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let wanted: NewSilence = serde_json::from_slice(&document.bytes)
        .map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
    let now = clock::now();
    let silence = checked(wanted, &caller, now)?;
    if !silences::add(&app.records, &silence).await? {
        let detail = format!("the customer has {SILENCES_MAX} silences already; end those that nobody needs");
        return Err(Problem::new(Code::RecordsFull, detail));
    }
    let path = format!("/v1/silences/{}", silence.id);
    let location = HeaderValue::from_str(&path);
    let object = Extension(Object { path, customer: Some(silence.customer) });
    let body = Json(SilenceBody::new(silence, now));
    let mut response = (StatusCode::CREATED, object, body).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn checked(wanted: NewSilence, caller: &Caller, now: Timestamp) -> Answer<Silence> {
    let customer = whose(wanted.customer_id.as_deref(), caller)?;
    let mut faults = Vec::new();
    let mut expect = |holds: bool, pointer: &str, message: &str, expected: &str| {
        if !holds {
            faults.push(Fault::of_body(pointer, message, expected));
        }
    };
    let so_many = (1..=MATCHERS_MAX).contains(&wanted.matchers.len());
    expect(so_many, "/matchers", "so many matchers cannot be given", "1 to 20 matchers");
    for (number, matcher) in wanted.matchers.iter().enumerate().take(MATCHERS_MAX) {
        if let Some((member, message, expected)) = matcher.problem() {
            expect(false, &format!("/matchers/{number}/{member}"), message, expected);
        }
    }
    let reason = wanted.reason.trim();
    let printable = |character: char| !character.is_control() || character == '\n';
    let fits = (1..=REASON_CHARS_MAX).contains(&reason.chars().count()) && reason.chars().all(printable);
    expect(fits, "/reason", "the reason does not fit", "1 to 1000 characters that can be printed");
    let starts = wanted.starts_at.as_deref().map_or(Ok(now), str::parse::<Timestamp>);
    let ends = wanted.ends_at.parse::<Timestamp>();
    let time = "a time (RFC 3339)";
    expect(starts.is_ok(), "/startsAt", "this is no time", time);
    expect(ends.is_ok(), "/endsAt", "this is no time", time);
    if let (Ok(starts), Ok(ends)) = (&starts, &ends) {
        let lasts = ends.0.saturating_sub(starts.0);
        let in_time = ends.0 > now.0 && (1..=LASTS_MAX_MS).contains(&lasts);
        let expected = "a time that is still to come, behind the beginning and at most a year from it";
        expect(in_time, "/endsAt", "the silence cannot end then", expected);
    }
    let (Ok(starts_at), Ok(ends_at), true) = (starts, ends, faults.is_empty()) else {
        return Err(Problem::new(Code::BadBody, "no such silence can be made").with_faults(faults));
    };
    Ok(Silence {
        id: Uuid::now_v7(),
        customer,
        matchers: wanted.matchers,
        reason: reason.to_owned(),
        made_by: caller.0.id.clone(),
        made_at: now,
        starts_at,
        ends_at,
    })
}

/// Whose alerts: the caller's, or those of a customer that it names and reaches.
fn whose(wanted: Option<&str>, caller: &Caller) -> Answer<CustomerId> {
    let bad = |message: &str| {
        let fault = Fault::of_body("/customerId", message, "the UUID of a customer");
        Problem::new(Code::BadBody, "no such silence can be made").with_faults(vec![fault])
    };
    let wanted = wanted.map(str::parse::<CustomerId>).transpose().map_err(|_| bad("this is no UUID"))?;
    match (wanted, caller.reach()) {
        (None, Reach::Customer(own)) => Ok(own),
        (None, _) => Err(bad("it is missing")),
        (Some(wanted), _) if wanted.is_global() => Err(bad("the global customer has no alerts")),
        (Some(wanted), reach) if reach.covers(wanted) => Ok(wanted),
        (Some(_), _) => {
            let detail = "alerts of the customer of your own alone can be silenced";
            Err(Problem::new(Code::OtherCustomer, detail).with_faults(vec![foreign("/customerId")]))
        },
    }
}

/// Lists silences in the order they were made.
#[utoipa::path(get, path = "/v1/silences", tag = "alerts", security(("token" = [])), params(SilenceQuery), responses(
    (status = 200, description = "A page of silences", body = SilenceList),
    (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
    (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<SilenceQuery>,
) -> Answer<Json<SilenceList>> {
    let limit = limit(query.limit)?;
    let of = caller.narrowed(query.customer_id.as_deref().map(customer).transpose()?)?;
    let bad = |_| Problem::new(Code::BadQuery, "`next` is not what a page before has answered");
    let after = query.next.as_deref().map(str::parse::<Uuid>).transpose().map_err(bad)?;
    let now = clock::now();
    let since = if query.ended { Timestamp(i64::MIN) } else { now };
    let mut found = silences::list(&app.records, of, since, after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|silence| silence.id.to_string());
    let silences = found.into_iter().map(|silence| SilenceBody::new(silence, now)).collect();
    Ok(Json(SilenceList { silences, next }))
}

/// Ends a silence now.
#[utoipa::path(delete, path = "/v1/silences/{silenceId}", tag = "alerts", security(("token" = [])),
    params(("silenceId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "The silence, which has ended", body = SilenceBody),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn end(
    State(app): State<App>,
    caller: Caller,
    IdPath(id): IdPath,
) -> Answer<(Extension<Object>, Json<SilenceBody>)> {
    let none = || Problem::new(Code::NoSuchSilence, format!("there is no silence {id}"));
    let of = match caller.reach() {
        Reach::All => None,
        Reach::Customer(own) => Some(own),
        Reach::Global | Reach::Nothing => return Err(none()),
    };
    let now = clock::now();
    let ended = silences::end(&app.records, id, of, now).await?.ok_or_else(none)?;
    let object = Object { path: format!("/v1/silences/{id}"), customer: Some(ended.customer) };
    Ok((Extension(object), Json(SilenceBody::new(ended, now))))
}
