//! Processes: what crashes, stops and goes on.

/// A process, counted from 0 over a run; one that is started again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

impl std::fmt::Display for ProcessId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// The payload with which a crash unwinds to whoever runs the process: nothing of it runs any further.
#[derive(Debug, Clone, Copy)]
pub struct Crashed(pub ProcessId);

/// A process as the world knows it.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// The lasting name; its disk belongs to it.
    pub(crate) name: String,
    pub(crate) alive: bool,
    pub(crate) stopped: bool,
    /// By how much its time of day is off, in milliseconds.
    pub(crate) skew: i64,
}
