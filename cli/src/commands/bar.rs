//! A progress bar on a terminal; nothing elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// It is drawn so often.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// One line at the bottom of the terminal.
pub(crate) struct Bar {
    shows: bool,
    drawn: Option<Instant>,
}

impl Bar {
    /// A bar on standard error, if that is a terminal.
    pub(crate) fn new() -> Self {
        Self { shows: std::io::stderr().is_terminal(), drawn: None }
    }

    /// Draws so many per cent, and a note beside them.
    pub(crate) fn draw(&mut self, percent: u64, note: impl FnOnce() -> String) {
        if !self.shows || self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let percent = percent.min(100);
        let full = usize::try_from(percent / 5).unwrap_or_default();
        eprint!("\r\x1b[K[{:<20}] {percent:>3} % {}", "=".repeat(full), note());
        // A bar that is not seen harms nobody.
        drop(std::io::stderr().flush());
    }

    /// Makes room for other lines.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
