//! Who asks, and how far that reaches. Handlers get it as [`Caller`] and must ask it before they show or change anything.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use rules::{CustomerId, Timestamp};

use super::{Capability, Role};
use crate::error::{Answer, Code, Fault, Problem};
use crate::token::TokenHash;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Names it for ever: `root`, `token:{id}`, or `oidc:{subject}`.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whose it is; none for roles of the system.
    pub(crate) customer: Option<CustomerId>,
    /// Until when it may ask; none for the root token.
    pub(crate) expires_at: Option<Timestamp>,
    /// The hash of its token, if that is in the records.
    pub(crate) hash: Option<TokenHash>,
}

/// Whose things somebody may look at or change, as far as its role lets it do that at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everybody's.
    All,
    /// The global rules.
    Global,
    /// One customer's.
    Customer(CustomerId),
    /// Nobody's.
    Nothing,
}

impl Reach {
    /// Whether something of this customer is within it; [`CustomerId::GLOBAL`] owns the global rules.
    pub(crate) fn covers(self, customer: CustomerId) -> bool {
        match self {
            Self::All => true,
            Self::Global => customer.is_global(),
            Self::Customer(own) => own == customer,
            Self::Nothing => false,
        }
    }

    /// The one customer whose things these are, if it is one.
    pub(crate) fn customer(self) -> Option<CustomerId> {
        match self {
            Self::All | Self::Nothing => None,
            Self::Global => Some(CustomerId::GLOBAL),
            Self::Customer(own) => Some(own),
        }
    }
}

impl Principal {
    /// The holder of the root token.
    pub(crate) fn root() -> Self {
        Self {
            id: "root".to_owned(),
            name: "root".to_owned(),
            role: Role::Root,
            customer: None,
            expires_at: None,
            hash: None,
        }
    }

    /// How far it reaches.
    pub(crate) fn reach(&self) -> Reach {
        match (self.role, self.customer) {
            (Role::Root | Role::Auditor, None) => Reach::All,
            (Role::GlobalAuthor, None) => Reach::Global,
            (Role::Viewer | Role::RuleAuthor | Role::Responder | Role::TenantAdmin, Some(own)) => {
                Reach::Customer(own)
            },
            // An operator, and what should not have been made.
            _ => Reach::Nothing,
        }
    }
}

/// Who asks, for handlers: there is none where the table of rights asks for no token.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Arc<Principal>);

impl Caller {
    /// How far it reaches.
    pub(crate) fn reach(&self) -> Reach {
        self.0.reach()
    }

    /// Whether its role may do this.
    pub(crate) fn may(&self, capability: Capability) -> bool {
        self.0.role.may(capability)
    }

    /// Narrows a list: to the customer that is asked for, or to what the caller reaches. None means everybody's.
    ///
    /// # Errors
    /// Another customer is asked for; whether there is one is not told.
    pub(crate) fn narrowed(&self, wanted: Option<CustomerId>) -> Answer<Option<CustomerId>> {
        match (wanted, self.reach()) {
            (Some(wanted), reach) if reach.covers(wanted) => Ok(Some(wanted)),
            (Some(_), _) | (None, Reach::Nothing) => {
                Err(Problem::new(Code::NoSuchCustomer, "there is no such customer").hidden())
            },
            (None, reach) => Ok(reach.customer()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The layer puts it there for every route that takes a token. Without it nobody may do anything.
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(Code::Internal, "nobody has asked who is asking"))
    }
}

/// What a body may not contain: something of another customer.
pub(crate) fn foreign(pointer: &str) -> Fault {
    Fault {
        code: Code::OtherCustomer.code(),
        pointer: Some(pointer.to_owned()),
        line: None,
        column: None,
        message: "it belongs to another customer than the token".to_owned(),
        expected: "the customer of the token".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_without_its_customer_or_with_one_too_many_reaches_nothing() {
        let own: CustomerId = "9f20f8a4-d8c8-4a74-ac90-3452b97c2e34".parse().unwrap();
        for role in Role::ALL {
            for customer in [None, Some(own)] {
                let reach = Principal { role: *role, customer, ..Principal::root() }.reach();
                let fits = role.is_of_customer() == customer.is_some();
                assert!(fits || reach == Reach::Nothing, "{role:?} {customer:?} reaches {reach:?}");
                assert!(!reach.covers(CustomerId::GLOBAL) || customer.is_none());
            }
        }
    }
}
