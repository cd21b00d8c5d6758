//! Tables of fields: what each object of a rule may hold. The reader takes names, sets of names and bounds from them, the
//! JSON Schema is made of them.

/// The fields of one kind of object.
#[derive(Debug)]
pub(super) struct Form {
    /// What people call such an object.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether the object is refused without it. (Fields that others make necessary are no such ones.)
    pub(super) needed: bool,
    /// What it means, for the schema; its default too.
    pub(super) about: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A string that is not empty and not long.
    Name,
    /// A UUID.
    Id,
    /// A UUID, but not that of the global rules.
    Customer,
    /// True or false.
    Flag,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// An integer from the first to the last.
    Whole(u32, u32),
    /// An integer of 64 bits.
    Integer,
    /// A number that can be written exactly with nine digits after the point.
    Number,
    /// The same, or `null` which is not the same as nothing.
    NumberOrNull,
    /// A number that is not negative, or a path.
    By,
    /// An integer, or limits.
    Threshold,
    /// A duration longer than nothing.
    Span,
    /// A duration.
    SpanOrNone,
    /// A time.
    Time,
    /// A time, or a duration since 1970.
    Moment,
    /// `beginning`, a time, or a duration before now.
    Start,
    /// A condition in one of its forms.
    Condition,
    /// A path.
    Path,
    /// What an event says: an object, or a string that holds a document.
    Payload,
    /// The keys of a group, by name.
    Group,
    /// An object of that form.
    Object(&'static Form),
    /// So many of that kind, from the least to the most.
    List(&'static Kind, usize, usize),
    /// So many objects of that form, from the least to the most.
    Objects(&'static Form, usize, usize),
    /// At most so many of that kind, by names.
    Map(Names, &'static Kind, usize),
}

/// What the names of a map are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    /// Anything.
    Any,
    /// Names of selections.
    Selections,
    /// Ids of customers.
    Customers,
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, needed: false, about }
    }

    pub(super) const fn needed(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, needed: true, about }
    }
}

impl Form {
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}
