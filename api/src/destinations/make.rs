//! `POST /v1/destinations`

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use rules::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::address::Network;
use super::address::{is_allowed, is_public};
use super::form::Form;
use super::list::DestinationBody;
use crate::access::{Caller, Object, Reach, foreign};
use crate::alerts::inbox::silence::{MATCHERS_MAX, Matcher};
use crate::clock;
use crate::error::{Answer, Code, Fault, Problem, ProblemBody};
use crate::records::destinations::{self, DESTINATIONS_MAX, Destination};
use crate::state::App;
use crate::token;

/// The largest body: 20 matchers of 100 values.
const BODY_BYTES_MAX: usize = 1 << 20;
const NAME_CHARS_MAX: usize = 100;
const URL_BYTES_MAX: usize = 2_000;
/// What a body is.
const EXPECTED: &str =
    "an object with `name` and `url`, and where they apply `customerId`, `form` and `matchers`";

/// Where to send alerts.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewDestination {
    /// Whose alerts; that of the token if not given.
    #[schema(format = Uuid)]
    customer_id: Option<String>,
    /// What people call it, 1 to 100 characters.
    name: String,
    /// An address with `https`, reachable over the internet at large.
    url: String,
    /// What it takes; the alert record if not given.
    form: Option<Form>,
    /// Only alerts for which all of them hold; all alerts if not given.
    #[serde(default)]
    matchers: Vec<Matcher>,
}

/// A new destination. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeDestination {
    /// What signs deliveries: `tocsin-signature: t=SECONDS,v1=HEX` is the HMAC-SHA-256 of `SECONDS.BODY` under it.
    secret: String,
    #[serde(flatten)]
    destination: DestinationBody,
}

/// Adds a destination: every alert of the customer from now on is sent to it, in order, at least once.
#[utoipa::path(post, path = "/v1/destinations", tag = "alerts", security(("token" = [])),
    request_body = NewDestination,
    responses(
        (status = 201, description = "The destination, with its secret", body = MadeDestination),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn make(State(app): State<App>, caller: Caller, request: Request) -> Answer<Response> {
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let wanted: NewDestination = serde_json::from_slice(&document.bytes)
        .map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
    let destination = checked(wanted, &caller, &app.settings.destination_networks)?;
    if !destinations::add(&app.records, &destination).await? {
        let detail = format!("the customer has {DESTINATIONS_MAX} destinations already");
        return Err(Problem::new(Code::RecordsFull, detail));
    }
    let path = format!("/v1/destinations/{}", destination.id);
    let location = HeaderValue::from_str(&path);
    let object = Extension(Object { path, customer: Some(destination.customer) });
    let secret = destination.secret.clone();
    let body = Json(MadeDestination { secret, destination: DestinationBody::new(destination, 0) });
    let mut response = (StatusCode::CREATED, object, body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn checked(wanted: NewDestination, caller: &Caller, networks: &[Network]) -> Answer<Destination> {
    let customer = whose(wanted.customer_id.as_deref(), caller)?;
    let mut faults = Vec::new();
    let mut expect = |holds: bool, pointer: &str, message: &str, expected: &str| {
        if !holds {
            faults.push(Fault::of_body(pointer, message, expected));
        }
    };
    let name = wanted.name.trim();
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    expect(fits, "/name", "the name does not fit", "1 to 100 characters that can be printed");
    if let Err(message) = sendable(&wanted.url, networks) {
        expect(
            false,
            "/url",
            message,
            "an address with `https` that is reachable over the internet at large",
        );
    }
    expect(wanted.matchers.len() <= MATCHERS_MAX, "/matchers", "these are too many", "at most 20 matchers");
    for (number, matcher) in wanted.matchers.iter().enumerate().take(MATCHERS_MAX) {
        if let Some((member, message, expected)) = matcher.problem() {
            expect(false, &format!("/matchers/{number}/{member}"), message, expected);
        }
    }
    if !faults.is_empty() {
        return Err(Problem::new(Code::BadBody, "no such destination can be made").with_faults(faults));
    }
    let secret = token::generate()
        .map_err(|error| Problem::new(Code::Internal, format!("no random bytes to be had: {error}")))?;
    Ok(Destination {
        id: Uuid::now_v7(),
        customer,
        name: name.to_owned(),
        url: wanted.url,
        form: wanted.form.unwrap_or(Form::Tocsin),
        secret,
        matchers: wanted.matchers,
        made_by: caller.0.id.clone(),
        made_at: clock::now(),
        failures: 0,
        last_error: String::new(),
        delivered: 0,
        dropped: 0,
    })
}

/// Whether an address may be sent to as far as can be seen; what its name resolves to is checked at every delivery.
fn sendable(url: &str, networks: &[Network]) -> Result<(), &'static str> {
    if url.len() > URL_BYTES_MAX {
        return Err("the address is too long");
    }
    let uri: Uri = url.parse().map_err(|_| "this is no address")?;
    let authority = uri.authority().ok_or("the address has no host")?;
    if authority.as_str().contains('@') {
        return Err("a name and password cannot stand in the address");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse().ok();
    let allowed = address.is_some_and(|address| is_allowed(address, networks));
    match uri.scheme_str() {
        Some("https") => {},
        // Without encryption only where whoever runs the system has said so.
        Some("http") if allowed || (address.is_none() && !networks.is_empty()) => {},
        _ => return Err("the address is not one with `https`"),
    }
    if address.is_some_and(|address| !allowed && !is_public(address)) {
        return Err("the address is not reachable over the internet at large");
    }
    Ok(())
}

/// Whose alerts: the caller's, or those of a customer that it names and reaches.
fn whose(wanted: Option<&str>, caller: &Caller) -> Answer<CustomerId> {
    let bad = |message: &str| {
        let fault = Fault::of_body("/customerId", message, "the UUID of a customer");
        Problem::new(Code::BadBody, "no such destination can be made").with_faults(vec![fault])
    };
    let wanted = wanted.map(str::parse::<CustomerId>).transpose().map_err(|_| bad("this is no UUID"))?;
    match (wanted, caller.reach()) {
        (None, Reach::Customer(own)) => Ok(own),
        (None, _) => Err(bad("it is missing")),
        (Some(wanted), _) if wanted.is_global() => Err(bad("the global customer has no alerts")),
        (Some(wanted), reach) if reach.covers(wanted) => Ok(wanted),
        (Some(_), _) => {
            let detail = "alerts of the customer of your own alone can be sent";
            Err(Problem::new(Code::OtherCustomer, detail).with_faults(vec![foreign("/customerId")]))
        },
    }
}
