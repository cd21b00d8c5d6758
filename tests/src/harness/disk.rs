//! A disk that is soon full.

use std::path::Path;
use std::process::{Command, Stdio};

/// A small file system in memory, gone when dropped.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// A file system of 48 MB; none if this process may not mount.
    pub fn mount() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        disk.run("mount", &["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).then_some(disk)
    }

    /// Makes room.
    pub fn enlarge(&self) {
        assert!(self.run("mount", &["-o", "remount,size=256m"]));
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, command: &str, arguments: &[&str]) -> bool {
        let status = Command::new(command).args(arguments).arg(self.path()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since a process that was just killed may still be about to let go.
        self.run("umount", &["--lazy"]);
    }
}
