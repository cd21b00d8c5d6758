//! What a test asks: operators with what they take, quantifiers, measures.

/// What is asked of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are those of the language; docs/rules.md says what each one means"
)]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
    Exists,
    Missing,
    Empty,
    NotEmpty,
    Contains,
    StartsWith,
    EndsWith,
    Regex,
    Cidr,
}

/// What an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// One value of any kind.
    Value,
    /// One number or string.
    Ordered,
    /// One or more values that are no arrays and no objects.
    Scalars,
    /// One or more strings.
    Strings,
}

impl Op {
    /// All of them, with their names in JSON.
    pub(super) const NAMES: [(&'static str, Self); 17] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("in", Self::In),
        ("notIn", Self::NotIn),
        ("exists", Self::Exists),
        ("missing", Self::Missing),
        ("empty", Self::Empty),
        ("notEmpty", Self::NotEmpty),
        ("contains", Self::Contains),
        ("startsWith", Self::StartsWith),
        ("endsWith", Self::EndsWith),
        ("regex", Self::Regex),
        ("cidr", Self::Cidr),
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.into_iter().find(|(_, op)| *op == self);
        named.expect("every operator is in the table").0
    }

    pub(super) fn takes(self) -> Takes {
        match self {
            Self::Eq | Self::Ne => Takes::Value,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => Takes::Ordered,
            Self::In | Self::NotIn | Self::Contains => Takes::Scalars,
            Self::StartsWith | Self::EndsWith | Self::Regex | Self::Cidr => Takes::Strings,
            Self::Exists | Self::Missing | Self::Empty | Self::NotEmpty => Takes::Nothing,
        }
    }

    /// Whether it is one of the six comparisons.
    pub(super) fn is_comparison(self) -> bool {
        matches!(self.takes(), Takes::Value | Takes::Ordered)
    }

    pub(crate) fn takes_quantifier(self) -> bool {
        !matches!(self, Self::Exists | Self::Missing)
    }

    pub(super) fn takes_ignore_case(self) -> bool {
        match self.takes() {
            Takes::Value | Takes::Scalars => true,
            Takes::Strings => self != Self::Cidr,
            Takes::Nothing | Takes::Ordered => false,
        }
    }

    /// Which nodes must meet it if nothing else is said, so that `a != b` is `!(a == b)`.
    pub fn default_quantifier(self) -> Quantifier {
        if matches!(self, Self::Ne | Self::NotIn) { Quantifier::Every } else { Quantifier::Any }
    }
}

/// Which of the nodes at a path must meet a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// All; without nodes it holds for `ne` and `notIn` alone.
    Every,
    /// Not one.
    None,
}

impl Quantifier {
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("any", Self::Any), ("every", Self::Every), ("none", Self::None)];

    /// The name in both forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Every => "every",
            Self::None => "none",
        }
    }
}

/// What of a node is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The node.
    Value,
    /// `.length()`: code points, elements or members; nothing of other nodes.
    Length,
    /// A final `.length` compared with a number: the member of an object, the length of an array or string.
    MemberOrLength,
}
