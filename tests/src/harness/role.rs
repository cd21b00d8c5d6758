//! A role of the product without an API, as a process: `tocsin worker` or `tocsin router`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::process::{binary, log_file};

/// A running role.
pub struct Role(Child);

impl Role {
    /// Starts it on a data folder. It logs beside that.
    pub fn start(role: &str, data: &Path, arguments: &[String]) -> Self {
        let child = Command::new(binary())
            .arg(role)
            .arg("--data")
            .arg(data)
            .args(["--worker-listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file(data))
            .spawn();
        Self(child.unwrap())
    }

    /// Ends it without warning.
    pub fn kill9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Stops it where it is, as a machine does that hangs.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, as an operator does, and waits.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.0.wait().unwrap().code()
    }

    /// Waits for it to end by itself.
    pub fn wait(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Whatever the test did, nothing stays behind; a kill also ends a process that is frozen.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
