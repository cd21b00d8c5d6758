//! The product as a process: started as a user starts it, stopped as a user stops it, or killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::http::Http;
use crate::workload::root;

/// How long a start may take; machines that also build are slow.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with `loadgen` beside it; built once per test run so that it is never an old one.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(root())
            .status();
        assert!(built.unwrap().success(), "the binary cannot be built");
        // Tests run from <target>/<profile>/deps.
        let test = std::env::current_exe().unwrap();
        test.parent().unwrap().parent().unwrap().join("tocsin")
    })
}

/// Sends a little load with `loadgen` and answers its report.
pub fn load(process: &Tocsin, data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(binary().with_file_name("loadgen"))
        .args([
            "run",
            "--target",
            &process.http.address,
            "--rate",
            "500",
            "--duration",
            "4s",
            "--warmup",
            "0s",
        ])
        .args(["--customers", "5", "--rules", "3", "--probe-every", "10", "--token-file"])
        .arg(data.join("root.token"))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A running `tocsin run`.
pub struct Tocsin {
    child: Child,
    pub http: Http,
    lines: Receiver<String>,
}

/// How a process ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Tocsin {
    /// Starts `tocsin run` on a data folder and waits until it is ready.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut process = Self::start_unready(data, arguments);
        process.line("ready ");
        process
    }

    /// Starts `tocsin run` on a data folder and waits until it listens.
    pub fn start_unready(data: &Path, arguments: &[&str]) -> Self {
        Self::start_role("run", data, arguments)
    }

    /// Starts `tocsin run` or `tocsin api` on a data folder and waits until it listens.
    pub fn start_role(role: &str, data: &Path, arguments: &[&str]) -> Self {
        let mut child =
            command(role, data, arguments).stdout(Stdio::piped()).stderr(log_file(data)).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut process = Self { child, http: Http::new("", ""), lines };
        let listen = process.line("listen ");
        process.line("token ");
        let token = std::fs::read_to_string(data.join("root.token")).unwrap();
        process.http = Http::new(listen.trim_start_matches("listen "), token.trim());
        process
    }

    /// Runs `tocsin run` where it is expected to end by itself.
    pub fn run_to_end(data: &Path, arguments: &[&str]) -> Ended {
        let output = command("run", data, arguments).stdout(Stdio::null()).output().unwrap();
        Ended { code: output.status.code(), stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    /// The next line of its output that begins so.
    pub fn line(&mut self, start: &str) -> String {
        let deadline = std::time::Instant::now() + START_PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(_) => {},
                Err(error) => {
                    panic!("no line `{start}…` ({error}); the process: {:?}", self.child.try_wait())
                },
            }
        }
    }

    /// Ends it without warning.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as Ctrl-C does, and waits.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Tocsin {
    fn drop(&mut self) {
        // Whatever the test did, nothing stays behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(role: &str, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .arg(role)
        .arg("--data")
        .arg(data)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .current_dir("/");
    command
}

/// Where the process logs; beside its data, so that a failing test's log can be read.
pub(super) fn log_file(data: &Path) -> Stdio {
    let path = data.with_extension("log");
    std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap().into()
}
