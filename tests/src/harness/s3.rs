//! A real S3-compatible server for tests: versitygw over a folder, which `scripts/s3 install` builds with Go.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{skip, wait_for};
use crate::workload::root;

pub const BUCKET: &str = "checkpoints";
pub const USER: &str = "tester";
pub const SECRET: &str = "not-a-secret";

/// A running server; ends with this value.
pub struct Server {
    child: Child,
    pub endpoint: String,
    dir: tempfile::TempDir,
}

/// Starts a server, or tells why the test is skipped.
pub fn server(test: &str) -> Option<Server> {
    let found = Command::new(root().join("scripts/s3")).arg("path").stdin(Stdio::null()).output().unwrap();
    if !found.status.success() {
        skip(test, String::from_utf8_lossy(&found.stderr).trim());
        return None;
    }
    let program = String::from_utf8(found.stdout).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // A bucket of it is a folder.
    std::fs::create_dir(dir.path().join(BUCKET)).unwrap();
    // The port may be taken between here and there; then the test fails and says so.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = Command::new(program.trim())
        .args(["--access", USER, "--secret", SECRET, "--port", &port.to_string(), "posix"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(drop));
    wait_for("the S3 server", Duration::from_secs(60), || std::net::TcpStream::connect(port).ok());
    Some(Server { child, endpoint: format!("http://{port}"), dir })
}

impl Server {
    /// The folder that the bucket is: a file in it is an object.
    pub fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join(BUCKET)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
