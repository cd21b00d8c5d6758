//! Roles, and what each may do.

/// What a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Capability {
    /// Read rules, and check and explain them.
    RuleRead,
    /// Write and delete rules.
    RuleWrite,
    /// Send events.
    EventWrite,
    /// Read alerts.
    AlertRead,
    /// Deal with alerts, and silence them.
    AlertWrite,
    /// Say where alerts are sent to.
    DestinationWrite,
    /// Evaluate rules over the events of the past, whosever they are.
    HistoryRead,
    /// See which tokens there are.
    TokenRead,
    /// Make and revoke tokens.
    TokenWrite,
    /// Take savepoints and see which there are.
    Operate,
    /// Read the audit log.
    AuditRead,
}

impl Capability {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::RuleRead,
        Self::RuleWrite,
        Self::EventWrite,
        Self::AlertRead,
        Self::AlertWrite,
        Self::DestinationWrite,
        Self::HistoryRead,
        Self::TokenRead,
        Self::TokenWrite,
        Self::Operate,
        Self::AuditRead,
    ];

    /// Whether what is done by it is written to the audit log: changes, and looks at the log itself. What comes with
    /// every event or alert is not.
    pub(crate) const fn is_audited(self) -> bool {
        match self {
            Self::RuleWrite
            | Self::AlertWrite
            | Self::DestinationWrite
            | Self::TokenWrite
            | Self::AuditRead
            | Self::Operate => true,
            Self::RuleRead | Self::EventWrite | Self::AlertRead | Self::HistoryRead | Self::TokenRead => {
                false
            },
        }
    }

    /// Its name, as the documents use it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RuleRead => "rule-read",
            Self::RuleWrite => "rule-write",
            Self::EventWrite => "event-write",
            Self::AlertRead => "alert-read",
            Self::AlertWrite => "alert-write",
            Self::DestinationWrite => "destination-write",
            Self::HistoryRead => "history-read",
            Self::TokenRead => "token-read",
            Self::TokenWrite => "token-write",
            Self::Operate => "operate",
            Self::AuditRead => "audit-read",
        }
    }
}

/// What somebody is there for. The first four are roles inside one customer, the others of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Reads rules and alerts.
    Viewer,
    /// Writes rules, and sends events.
    RuleAuthor,
    /// Deals with alerts.
    Responder,
    /// Does all of a customer, its tokens too.
    TenantAdmin,
    /// Runs the system without seeing rules, events or alerts.
    Operator,
    /// Writes the rules that apply to all customers, and sees no other.
    GlobalAuthor,
    /// Sees who may do what, and who did.
    Auditor,
    /// May do everything.
    Root,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::Viewer,
        Self::RuleAuthor,
        Self::Responder,
        Self::TenantAdmin,
        Self::Operator,
        Self::GlobalAuthor,
        Self::Auditor,
        Self::Root,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::RuleAuthor => "rule-author",
            Self::Responder => "responder",
            Self::TenantAdmin => "tenant-admin",
            Self::Operator => "operator",
            Self::GlobalAuthor => "global-author",
            Self::Auditor => "auditor",
            Self::Root => "root",
        }
    }

    /// The role of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// Whether it is a role inside one customer.
    pub(crate) const fn is_of_customer(self) -> bool {
        matches!(self, Self::Viewer | Self::RuleAuthor | Self::Responder | Self::TenantAdmin)
    }

    /// What it may do.
    pub(crate) const fn capabilities(self) -> &'static [Capability] {
        use Capability::{
            AlertRead, AlertWrite, AuditRead, DestinationWrite, EventWrite, Operate, RuleRead, RuleWrite,
            TokenRead, TokenWrite,
        };
        match self {
            Self::Viewer => &[RuleRead, AlertRead],
            Self::Responder => &[RuleRead, AlertRead, AlertWrite],
            Self::RuleAuthor => &[RuleRead, AlertRead, RuleWrite, EventWrite],
            Self::TenantAdmin => &[
                RuleRead,
                AlertRead,
                AlertWrite,
                DestinationWrite,
                RuleWrite,
                EventWrite,
                TokenRead,
                TokenWrite,
                AuditRead,
            ],
            Self::Operator => &[Operate],
            Self::GlobalAuthor => &[RuleRead, RuleWrite],
            Self::Auditor => &[TokenRead, AuditRead],
            Self::Root => Capability::ALL,
        }
    }

    /// Whether it may do this.
    pub(crate) fn may(self, capability: Capability) -> bool {
        self.capabilities().contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
        }
        assert_eq!(Role::from_name("Root"), None);
    }

    #[test]
    fn who_runs_the_system_sees_nothing_of_it_and_a_tenant_nothing_of_the_system() {
        use Capability::{AlertRead, EventWrite, RuleRead, RuleWrite};
        for data in [AlertRead, EventWrite, RuleRead, RuleWrite] {
            assert!(!Role::Operator.may(data) && !Role::Auditor.may(data), "{}", data.name());
        }
        assert!(!Role::GlobalAuthor.may(AlertRead));
        let granting: Vec<_> = Role::ALL.iter().filter(|role| role.may(Capability::TokenWrite)).collect();
        assert_eq!(granting, [&Role::TenantAdmin, &Role::Root]);
    }
}
