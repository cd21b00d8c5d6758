//! Extractors whose refusals are problem documents, where axum's own would be plain text.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;
use rules::{AlertId, CustomerId, RuleKey};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Code, Problem};

/// The query parameters.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        AxumQuery::from_request_parts(parts, state)
            .await
            .map(|AxumQuery(query)| Self(query))
            .map_err(|rejection: QueryRejection| Problem::new(Code::BadQuery, rejection.body_text()))
    }
}

/// The rule that the path names: `…/{customerId}/{alertId}`.
pub(crate) struct RulePath(pub(crate) RuleKey);

impl<S: Send + Sync> FromRequestParts<S> for RulePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let bad = |name: &str| {
            let detail =
                format!("`{name}` in the path is not a UUID in its hyphenated form of 36 characters");
            Problem::new(Code::BadPath, detail)
        };
        let AxumPath((customer, alert)): AxumPath<(String, String)> =
            AxumPath::from_request_parts(parts, state)
                .await
                .map_err(|rejection: PathRejection| Problem::new(Code::BadPath, rejection.body_text()))?;
        Ok(Self(RuleKey {
            customer: customer.parse::<CustomerId>().map_err(|_| bad("customerId"))?,
            alert: alert.parse::<AlertId>().map_err(|_| bad("alertId"))?,
        }))
    }
}

/// The id that the path names: `…/{id}`.
pub(crate) struct IdPath(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for IdPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumPath(id): AxumPath<String> = AxumPath::from_request_parts(parts, state)
            .await
            .map_err(|rejection: PathRejection| Problem::new(Code::BadPath, rejection.body_text()))?;
        let parsed = if id.len() == 36 { id.parse().ok() } else { None };
        parsed.map(Self).ok_or_else(|| {
            let detail = "the id in the path is not a UUID in its hyphenated form of 36 characters";
            Problem::new(Code::BadPath, detail)
        })
    }
}

const LIMIT_MAX: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// Reads how long a page is to be.
pub(crate) fn limit(wanted: Option<usize>) -> Result<usize, Problem> {
    let limit = wanted.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(Code::BadQuery, format!("`limit` is between 1 and {LIMIT_MAX}")))
}

/// Reads a customer in a query parameter.
pub(crate) fn customer(text: &str) -> Result<CustomerId, Problem> {
    text.parse().map_err(|_| {
        let detail = "`customerId` is not a UUID in its hyphenated form of 36 characters";
        Problem::new(Code::BadQuery, detail)
    })
}
