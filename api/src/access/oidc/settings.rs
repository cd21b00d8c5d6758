//! Which issuer is believed, and what its claims mean.

use std::collections::BTreeMap;

use crate::access::Role;

/// Settings of logins by OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) keys_url: Option<String>,
    pub(super) customer_claim: String,
    pub(super) role_claim: String,
    roles: BTreeMap<String, Role>,
}

impl OidcSettings {
    /// Tokens of this issuer for this audience. `keys_url` is where its keys are, by default what its discovery
    /// document says; `roles` maps values of the role claim to our roles. Values that are roles of customers already
    /// need no mapping; roles of the system always do.
    ///
    /// # Errors
    /// What is wrong and what is expected.
    pub fn new(
        issuer: &str,
        audience: &str,
        keys_url: Option<&str>,
        (customer_claim, role_claim): (&str, &str),
        roles: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        for (name, url) in [("issuer", Some(issuer)), ("keys-url", keys_url)] {
            if url.is_some_and(|url| !is_safe(url)) {
                return Err(format!(
                    "oidc.{name}: expected an address https://… (http:// only on this machine)"
                ));
            }
        }
        for (name, text) in
            [("audience", audience), ("customer-claim", customer_claim), ("role-claim", role_claim)]
        {
            if text.is_empty() {
                return Err(format!("oidc.{name}: a text is needed"));
            }
        }
        let role = |(value, name): (&String, &String)| match Role::from_name(name) {
            Some(role) => Ok((value.clone(), role)),
            None => Err(format!("oidc-roles.{value}: there is no role `{name}`")),
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys_url: keys_url.map(str::to_owned),
            customer_claim: customer_claim.to_owned(),
            role_claim: role_claim.to_owned(),
            roles: roles.iter().map(role).collect::<Result<_, _>>()?,
        })
    }

    /// The role that a value of the role claim gives.
    pub(super) fn role(&self, value: &str) -> Option<Role> {
        let own = || Role::from_name(value).filter(|role| role.is_of_customer());
        self.roles.get(value).copied().or_else(own)
    }
}

/// Whether what comes from there cannot be changed on the way.
pub(super) fn is_safe(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|own| {
        let rest = url.strip_prefix(own);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    local || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for url in ["https://id.example.org/realms/a", "http://127.0.0.1:5/x", "http://localhost"] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "http://id.example.org",
            "http://localhost.evil.org",
            "http://127.0.0.1.evil",
            "https://",
            "file:///x",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn a_role_of_the_system_is_given_by_a_mapping_alone() {
        let mapping = BTreeMap::from([("ops".to_owned(), "operator".to_owned())]);
        let settings = OidcSettings::new("https://i", "a", None, ("c", "r"), &mapping).unwrap();
        assert_eq!(settings.role("viewer"), Some(Role::Viewer));
        assert_eq!(settings.role("ops"), Some(Role::Operator));
        assert_eq!((settings.role("root"), settings.role("operator")), (None, None));
        let wrong = BTreeMap::from([("ops".to_owned(), "boss".to_owned())]);
        assert!(OidcSettings::new("https://i", "a", None, ("c", "r"), &wrong).unwrap_err().contains("boss"));
    }
}
