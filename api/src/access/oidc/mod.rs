//! People who log in elsewhere: tokens of an OpenID Connect issuer, whose claims say which customer and role somebody
//! has. [`jwt`] checks a token, [`jwk`] reads the issuer's keys, [`keys`] fetches them.

mod jwk;
mod jwt;
mod keys;
mod settings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use rules::Timestamp;
use serde_json::Value;

use super::{Principal, Reach, Role};
use crate::clock;
use crate::error::{Code, Problem};
use jwt::{Claims, Expected, Refused};
use keys::Keys;
pub use settings::OidcSettings;

/// The longest name or subject that is taken over.
const TEXT_CHARS_MAX: usize = 200;

/// An issuer whose tokens are taken.
pub(crate) struct Oidc {
    settings: OidcSettings,
    keys: Keys,
}

/// Why a token is not taken.
pub(crate) enum NoLogin {
    /// It is not good; this may be told.
    Refused(&'static str),
    /// The issuer's keys are not to be had.
    Problem(Problem),
}

impl Oidc {
    pub(crate) fn new(settings: OidcSettings) -> Self {
        let keys = Keys::new(&settings);
        Self { settings, keys }
    }

    /// Whether a token is for this issuer to judge.
    pub(crate) fn is_its(text: &str) -> bool {
        jwt::is_well_formed(text)
    }

    /// Who has sent this token.
    pub(crate) async fn authenticate(&self, text: &str) -> Result<Principal, NoLogin> {
        let expected = Expected {
            issuer: &self.settings.issuer,
            audience: &self.settings.audience,
            now: clock::now().0 as f64 / 1_000.0,
        };
        let known = self.keys.known().await.map_err(NoLogin::Problem)?;
        let mut verified = jwt::verify(text, &known, expected);
        if verified.as_ref().is_err_and(|refused| *refused == Refused::UnknownKey)
            && let Some(newer) = self.keys.newer().await
        {
            verified = jwt::verify(text, &newer, expected);
        }
        match verified {
            Ok(claims) => self.principal(&claims).map_err(NoLogin::Refused),
            Err(Refused::UnknownKey) => Err(NoLogin::Refused("no key of the issuer has signed the token")),
            Err(Refused::Because(reason)) => Err(NoLogin::Refused(reason)),
        }
    }

    fn principal(&self, claims: &Claims) -> Result<Principal, &'static str> {
        let fits = |text: &&str| !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
        let subject = claims.text("sub").filter(fits).ok_or("the token names nobody")?;
        let name =
            ["name", "preferred_username", "email"].iter().find_map(|name| claims.text(name).filter(fits));
        let role = self.role(claims).ok_or("no claim of the token gives a role")?;
        let customer = match claims.text(&self.settings.customer_claim) {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| "the token's customer is not a UUID")?),
        };
        let principal = Principal {
            id: format!("oidc:{subject}"),
            name: name.unwrap_or(subject).to_owned(),
            role,
            // Who has a role of the system may belong to a customer all the same.
            customer: customer.filter(|_| role.is_of_customer()),
            expires_at: Some(Timestamp(claims.end_ms())),
            hash: None,
        };
        if role.is_of_customer() && principal.reach() == Reach::Nothing {
            return Err("the token's role needs a customer, and the token names none");
        }
        Ok(principal)
    }

    /// Of several roles the one that may do most.
    fn role(&self, claims: &Claims) -> Option<Role> {
        let given = claims.find(&self.settings.role_claim)?;
        let texts: Vec<&str> = match given {
            Value::String(text) => vec![text],
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let roles = texts.into_iter().filter_map(|text| self.settings.role(text));
        roles.max_by_key(|role| (role.capabilities().len(), *role))
    }
}

/// What a login that failed is answered.
impl NoLogin {
    pub(crate) fn into_problem(self, refused: impl FnOnce(&str) -> Problem) -> Problem {
        match self {
            Self::Refused(reason) => refused(reason),
            Self::Problem(problem) => problem,
        }
    }
}

/// The issuer cannot be asked for its keys.
fn away(reason: &str) -> Problem {
    Problem::new(
        Code::IssuerUnavailable,
        format!("the keys of the issuer of tokens are not to be had: {reason}"),
    )
    .retry_after(5)
}
