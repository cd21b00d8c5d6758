//! `window`: over which events a value is made.

use super::fields::Fields;
use super::form::{Field, Form, Kind};
use super::print::Members;
use crate::rule::Window;

pub(super) static WINDOW: Form = Form {
    name: "a window",
    fields: &[
        Field::needed(
            "type",
            Kind::OneOf(&WINDOWS),
            "Which events the value is made of: `total` (default) of all, `tumbling` of those of each stretch of `size`, `sliding` of those of the last `size`, `session` of those that follow each other within `gap`.",
        ),
        Field::new("size", Kind::Span, "How long a tumbling or sliding window is."),
        Field::new("gap", Kind::Span, "After how long without events a session ends."),
    ],
};

const WINDOWS: [&str; 4] = ["total", "tumbling", "sliding", "session"];

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Window> {
    let kind = fields.one_of("type", |text| WINDOWS.into_iter().find(|name| *name == text));
    let (size, gap) = (fields.span("size"), fields.span("gap"));
    let kind = kind?;
    let needed = match kind {
        "tumbling" | "sliding" => Some("size"),
        "session" => Some("gap"),
        _ => None,
    };
    for name in ["size", "gap"].into_iter().filter(|name| needed != Some(*name)) {
        let expected = match needed {
            Some(needed) => format!("`{needed}` alone"),
            None => "the type alone".to_owned(),
        };
        let only = if name == "size" { "types `tumbling` and `sliding`" } else { "type `session`" };
        fields.only_with(name, &format!("{only}, not with `{kind}`"), expected);
    }
    if let Some(needed) = needed.filter(|needed| !fields.has(needed)) {
        fields.missing(needed, &format!("a window of type `{kind}`"));
    }
    match kind {
        "tumbling" => size.map(Window::Tumbling),
        "sliding" => size.map(Window::Sliding),
        "session" => gap.map(Window::Session),
        _ => Some(Window::Total),
    }
}

/// The window, unless it is the total one.
pub(super) fn write(window: Window) -> Option<Members> {
    let (name, span) = match window {
        Window::Total => return None,
        Window::Tumbling(size) | Window::Sliding(size) => ("size", size),
        Window::Session(gap) => ("gap", gap),
    };
    let mut members = Members::default();
    members.put("type", window.name());
    members.put(name, span.to_string());
    Some(members)
}
