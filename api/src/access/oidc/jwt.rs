//! A JSON Web Token (RFC 7519), checked against an issuer's keys. Pure: time and keys are arguments.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwk::{Algorithm, Key};

/// The longest token that is read.
const TOKEN_BYTES_MAX: usize = 8 << 10;
/// So much may clocks differ.
const SKEW_SECONDS: f64 = 60.0;

/// What a token must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    /// Now, in seconds since 1970.
    pub(super) now: f64,
}

/// Why a token is not taken. Texts hold nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No key that is known may have signed it; the issuer may have a newer one.
    UnknownKey,
    /// For this reason, whatever the keys are.
    Because(&'static str),
}

/// What a token that is taken says.
pub(super) struct Claims(Map<String, Value>);

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// Whether a text has the form of such a token.
pub(super) fn is_well_formed(text: &str) -> bool {
    text.len() <= TOKEN_BYTES_MAX && text.split('.').count() == 3
}

/// Checks a token: signature first, then by whom and for whom it was issued, and when.
pub(super) fn verify(text: &str, keys: &[Key], expected: Expected<'_>) -> Result<Claims, Refused> {
    const MALFORMED: Refused = Refused::Because("the token is malformed");
    if !is_well_formed(text) {
        return Err(MALFORMED);
    }
    let (message, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
    let (head, body) = message.split_once('.').ok_or(MALFORMED)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
    let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| MALFORMED)?;
    if head.crit.is_some() {
        return Err(Refused::Because("the token asks for an extension that is not known here"));
    }
    let is_jwt =
        |typ: &str| ["JWT", "at+jwt", "application/at+jwt"].iter().any(|own| typ.eq_ignore_ascii_case(own));
    if head.typ.is_some_and(|typ| !is_jwt(&typ)) {
        return Err(Refused::Because("the token is of another type than JWT"));
    }
    let algorithm = Algorithm::from_name(&head.alg)
        .ok_or(Refused::Because("the token is signed by an algorithm that is not taken here"))?;
    let signature = decode(signature)?;
    let named = |key: &&Key| head.kid.is_none() || key.id == head.kid;
    let mut candidates = keys.iter().filter(named).peekable();
    if candidates.peek().is_none() {
        return Err(Refused::UnknownKey);
    }
    if !candidates.any(|key| key.has_signed(algorithm, message.as_bytes(), &signature)) {
        // Without a name the right key may be one that is not known yet.
        return Err(match head.kid {
            Some(_) => Refused::Because("the token's signature is wrong"),
            None => Refused::UnknownKey,
        });
    }
    let claims: Map<String, Value> = serde_json::from_slice(&decode(body)?).map_err(|_| MALFORMED)?;
    check(&claims, expected)?;
    Ok(Claims(claims))
}

fn check(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<(), Refused> {
    let because = |holds: bool, reason| if holds { Ok(()) } else { Err(Refused::Because(reason)) };
    let issued = claims.get("iss").and_then(Value::as_str) == Some(expected.issuer);
    because(issued, "the token comes from another issuer")?;
    let is_here = |audience: &Value| audience.as_str() == Some(expected.audience);
    let here = match claims.get("aud") {
        Some(Value::Array(audiences)) => audiences.iter().any(is_here),
        Some(audience) => is_here(audience),
        None => false,
    };
    because(here, "the token was issued for another audience")?;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Refused::Because("a time in the token is no number")),
    };
    let end = time("exp")?.ok_or(Refused::Because("the token has no end"))?;
    because(expected.now < end + SKEW_SECONDS, "the token has expired")?;
    for begin in [time("nbf")?, time("iat")?].into_iter().flatten() {
        because(begin <= expected.now + SKEW_SECONDS, "the token is not valid yet")?;
    }
    Ok(())
}

impl Claims {
    /// A claim by its name, or by the names of objects on the way to it, with dots in between.
    pub(super) fn find(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(self.0.get(first)?, |value, name| value.get(name))
    }

    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.find(name)?.as_str()
    }

    /// When the token ends, in milliseconds.
    pub(super) fn end_ms(&self) -> i64 {
        let end = self.0.get("exp").and_then(Value::as_f64).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
        let end = ((end + SKEW_SECONDS) * 1_000.0) as i64;
        end
    }
}
