//! The only place that writes to the terminal: progress on standard error, the result on standard output.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module is the program's face; all others return values"
)]

/// Says how far the run is.
pub(crate) fn progress(text: &str) {
    eprintln!("loadgen: {text}");
}

/// Says why the program ends.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("loadgen: {error:#}");
}

/// Prints the result.
pub(crate) fn result(text: &str) {
    println!("{}", text.trim_end());
}
