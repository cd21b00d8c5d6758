//! Fields whose values are a few names.

/// Declares an enum whose variants have names on the wire.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The value of that name on the wire.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

names! {
    /// How much an alert matters to the customer.
    Severity {
        /// For the record.
        Informational = "informational",
        /// Look when there is time.
        Low = "low",
        /// The default.
        #[default]
        Medium = "medium",
        /// Look soon.
        High = "high",
        /// Look now.
        Critical = "critical",
    }
}

names! {
    /// Where a rule is in its life.
    Status {
        /// Written down, not evaluated.
        Draft = "draft",
        /// Evaluated; its alerts are marked and go to a topic of their own.
        Shadow = "shadow",
        /// Evaluated. The default.
        #[default]
        Active = "active",
        /// Not evaluated; collects nothing.
        Paused = "paused",
        /// Not evaluated any more.
        Retired = "retired",
    }
}

impl Status {
    /// Whether events are evaluated.
    pub const fn is_evaluated(self) -> bool {
        matches!(self, Self::Shadow | Self::Active)
    }
}

names! {
    /// What happens to an event that lacks a group key.
    MissingGroup {
        /// It does not count. The default.
        #[default]
        Skip = "skip",
        /// The key is null.
        Null = "null",
    }
}

names! {
    /// How a time is written in a payload.
    TimeFormat {
        /// RFC 3339. The default.
        #[default]
        Rfc3339 = "rfc3339",
        /// ISO 8601; without a zone it is UTC.
        Iso8601 = "iso8601",
        /// Seconds since 1970.
        UnixSeconds = "unixSeconds",
        /// Milliseconds since 1970.
        UnixMillis = "unixMillis",
        /// Microseconds since 1970.
        UnixMicros = "unixMicros",
        /// Nanoseconds since 1970.
        UnixNanos = "unixNanos",
    }
}

names! {
    /// What happens to an event that comes late.
    LatePolicy {
        /// It counts as long as its window is open. The default.
        #[default]
        Apply = "apply",
        /// It is refused once it is later than the allowed lateness.
        Drop = "drop",
    }
}

names! {
    /// What is made of the contributions of a window.
    Function {
        /// How many there are. The default.
        #[default]
        Count = "count",
        /// Their sum.
        Sum = "sum",
        /// The least.
        Min = "min",
        /// The greatest.
        Max = "max",
        /// The mean.
        Avg = "avg",
        /// How many different ones there are.
        Distinct = "distinct",
    }
}

names! {
    /// What an alert tells of the events behind it.
    EvidenceMode {
        /// Nothing.
        None = "none",
        /// Where they are. The default.
        #[default]
        Refs = "refs",
        /// Where they are and what they say.
        Full = "full",
    }
}

names! {
    /// What is taken from history for a new rule.
    BootstrapMode {
        /// Nothing. The default.
        #[default]
        None = "none",
        /// State alone.
        State = "state",
        /// State, and the alerts that would have been.
        Alerts = "alerts",
    }
}

names! {
    /// What becomes of collected state when a rule is edited.
    OnEdit {
        /// Kept if the meaning is the same, else rebuilt. The default.
        #[default]
        Auto = "auto",
        /// Kept.
        Keep = "keep",
        /// Begun anew.
        Reset = "reset",
        /// Filled from history.
        Rebuild = "rebuild",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_name(severity.name()), Some(*severity));
        }
        assert_eq!(Severity::from_name("High"), None);
        assert_eq!(Status::default().name(), "active");
    }
}
