//! `POST /v1/tokens`

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use rules::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a body is.
const EXPECTED: &str = "an object with `role`, `name`, and where they apply `customerId` and `expiresAt`";
use super::TokenInfo;
use crate::access::{Caller, Object, Reach, Role, foreign};
use crate::clock;
use crate::error::{Answer, Code, Fault, Problem, ProblemBody};
use crate::records::tokens::{self, StoredToken, TOKENS_MAX};
use crate::state::App;
use crate::token;

const BODY_BYTES_MAX: usize = 4 << 10;
const NAME_CHARS_MAX: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a token lasts that does not say.
const DAYS_DEFAULT: i64 = 90;
/// How long a token may last.
const DAYS_MAX: i64 = 3_660;

/// What token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    /// For which customer; must be absent for roles of the system.
    #[schema(format = Uuid)]
    customer_id: Option<String>,
    /// Its role: `viewer`, `rule-author`, `responder` or `tenant-admin` of a customer; `operator`, `global-author`,
    /// `auditor` or `root` of the system.
    role: String,
    /// What people call it, 1 to 100 characters.
    name: String,
    /// When it ends, at most ten years from now; without it after 90 days.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A new token. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The secret: `Authorization: Bearer` takes it.
    token: String,
    #[serde(flatten)]
    info: TokenInfo,
}

/// Makes a token. An administrator of a customer makes tokens of that customer alone.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", security(("token" = [])),
    request_body = NewToken,
    responses(
        (status = 201, description = "The token, with its secret", body = MadeToken),
        (status = "4XX", description = "Refused", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")
    ))]
pub(crate) async fn make(State(app): State<App>, caller: Caller, request: Request) -> Answer<Response> {
    let document = app.bodies.read(request, BODY_BYTES_MAX).await?;
    let wanted: NewToken = serde_json::from_slice(&document.bytes)
        .map_err(|error| Problem::unreadable_body(&error, EXPECTED))?;
    let (secret, stored) = checked(wanted, &caller)?;
    if !tokens::add(&app.records, &stored, &token::hash(&secret)).await? {
        let detail = format!("there are {TOKENS_MAX} tokens already; revoke those that nobody uses");
        return Err(Problem::new(Code::RecordsFull, detail));
    }
    let path = format!("/v1/tokens/{}", stored.id);
    let location = HeaderValue::from_str(&path);
    let object = Extension(Object { path, customer: stored.customer });
    let mut response =
        (StatusCode::CREATED, object, Json(MadeToken { token: secret, info: stored.into() })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The token as it will be kept, and its secret.
fn checked(wanted: NewToken, caller: &Caller) -> Answer<(String, StoredToken)> {
    let now = clock::now();
    let role = Role::from_name(&wanted.role);
    let customer = wanted.customer_id.as_deref().map(str::parse::<CustomerId>);
    let ends = match wanted.expires_at.as_deref().map(str::parse::<Timestamp>) {
        None => Ok(Timestamp(now.0 + DAYS_DEFAULT * DAY_MS)),
        Some(given) => given,
    };
    let mut faults = Vec::new();
    let mut expect = |holds: bool, pointer: &str, message: &str, expected: &str| {
        if !holds {
            faults.push(Fault::of_body(pointer, message, expected));
        }
    };
    expect(role.is_some(), "/role", "there is no such role", &names());
    let is_uuid = !matches!(customer, Some(Err(_)));
    expect(is_uuid, "/customerId", "this is no UUID", "a UUID of 36 characters");
    if let (Some(role), true) = (role, is_uuid) {
        let message = format!("the role `{}` needs a customer", role.name());
        expect(!role.is_of_customer() || customer.is_some(), "/customerId", &message, "a customer's id");
        let message = format!("the role `{}` is one of the system", role.name());
        expect(role.is_of_customer() || customer.is_none(), "/customerId", &message, "no `customerId`");
    }
    let name = wanted.name.trim();
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    expect(fits, "/name", "the name does not fit", "1 to 100 characters that can be printed");
    let in_time = |end: &Timestamp| end.0 > now.0 && end.0 <= now.0 + DAYS_MAX * DAY_MS;
    let expected = "a time (RFC 3339) between now and ten years from now";
    expect(ends.as_ref().is_ok_and(in_time), "/expiresAt", "the token cannot end then", expected);
    let (Some(role), Ok(customer), Ok(ends), true) = (role, customer.transpose(), ends, faults.is_empty())
    else {
        return Err(Problem::new(Code::BadBody, "no such token can be made").with_faults(faults));
    };
    permitted(role, customer, caller)?;
    let secret = token::generate()
        .map_err(|error| Problem::new(Code::Internal, format!("no random bytes to be had: {error}")))?;
    let stored = StoredToken {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        role,
        customer,
        made_at: now,
        made_by: caller.0.id.clone(),
        expires_at: ends,
    };
    Ok((secret, stored))
}

/// Nobody hands out more than is theirs.
fn permitted(role: Role, customer: Option<CustomerId>, caller: &Caller) -> Answer<()> {
    match (caller.reach(), customer) {
        (Reach::All, Some(customer)) if customer.is_global() => {
            let fault =
                Fault::of_body("/customerId", "the global customer owns rules alone", "another customer");
            Err(Problem::new(Code::BadBody, "no such token can be made").with_faults(vec![fault]))
        },
        (Reach::All, _) => Ok(()),
        (Reach::Customer(own), Some(customer)) if own == customer && role.is_of_customer() => Ok(()),
        (_, Some(_)) => {
            let detail = "a token can be made for the customer of your own alone";
            Err(Problem::new(Code::OtherCustomer, detail).with_faults(vec![foreign("/customerId")]))
        },
        (_, None) => Err(Problem::new(Code::NotAllowed, "roles of the system are given by `root` alone")),
    }
}

fn names() -> String {
    Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")
}
