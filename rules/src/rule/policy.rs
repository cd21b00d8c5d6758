//! Alert policies: when a rule that holds speaks, and when it is over.

use super::limits::Limits;
use super::span::Span;
use super::{Evaluation, Window};

/// When alerts are emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPolicy {
    /// How often.
    pub mode: Mode,
    /// When a rule of mode `once` is ready again.
    pub rearm: Option<Rearm>,
    /// When an alert is over.
    pub resolve: Option<Resolve>,
    /// The threshold must hold for this long (`for` on the wire).
    pub hold: Option<Span>,
    /// The most records per customer and hour; the rest is counted in one summary.
    pub max_per_hour: Option<u32>,
}

/// How often a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Once, until it is armed again.
    Once,
    /// Whenever the threshold holds.
    Every,
    /// At most once in this time.
    Cooldown(Span),
    /// Once for each window.
    PerWindow,
}

impl Mode {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Every => "every",
            Self::Cooldown(_) => "cooldown",
            Self::PerWindow => "perWindow",
        }
    }
}

/// What arms a rule again.
#[derive(Debug, Clone, PartialEq)]
pub enum Rearm {
    /// The value meets these.
    Limits(Limits),
    /// The threshold in force for the customer no longer holds. The default of sliding windows.
    ThresholdFails,
}

/// What ends an alert; whichever comes first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resolve {
    /// The value meets these.
    pub limits: Option<Limits>,
    /// So much time after the firing, or after the threshold held last.
    pub after: Option<Span>,
    /// An event of this step of the pattern, by its place among the steps.
    pub on_step: Option<u8>,
}

impl AlertPolicy {
    /// What holds where a rule says nothing.
    pub fn default_of(evaluation: &Evaluation) -> Self {
        let (mode, rearm) = match evaluation {
            Evaluation::Pattern(_) => (Mode::Every, None),
            Evaluation::Aggregate(aggregate) => match aggregate.window {
                Window::Total => (Mode::Once, None),
                Window::Sliding(_) => (Mode::Once, Some(Rearm::ThresholdFails)),
                Window::Tumbling(_) | Window::Session(_) => (Mode::PerWindow, None),
            },
        };
        Self { mode, rearm, resolve: None, hold: None, max_per_hour: None }
    }
}
