//! A real PostgreSQL for the tests of a process: a server on a socket in a folder of its own, ended and wiped with the
//! process however that ends. `TOCSIN_TEST_POSTGRES=postgres://…/` names one to use instead, in which the tests make
//! databases; with `TOCSIN_REQUIRE_POSTGRES=1` tests that find none fail.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tokio::sync::OnceCell;

use crate::records::Location;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its folder, and a shell that ends the server once its own input closes: with this process.
struct Server {
    base: String,
    _watcher: Option<Child>,
}

/// An empty database for a test; none if there can be no server, which is told once as a skipped test.
pub(super) async fn database(test: &str) -> Option<Location> {
    static SERVER: OnceCell<Result<Server, String>> = OnceCell::const_new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(async || {
        let started = tokio::task::spawn_blocking(start).await.unwrap();
        if let Err(reason) = &started {
            skip(reason);
        }
        started
    });
    let base = &server.await.as_ref().ok()?.base;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let deadline = Instant::now() + PATIENCE;
    let mut connection = loop {
        match AnyConnection::connect(&base.replace("{}", "postgres")).await {
            Ok(connection) => break connection,
            // Its socket is there before it takes connections.
            Err(error) => assert!(Instant::now() < deadline, "{test}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap_or_else(|error| panic!("{test}: {error}"));
    connection.close().await.unwrap();
    Some(Location::Postgres(base.replace("{}", &name)))
}

fn skip(reason: &str) {
    let required = std::env::var("TOCSIN_REQUIRE_POSTGRES").as_deref() == Ok("1");
    assert!(!required, "the tests of records need PostgreSQL: {reason}");
    let line = format!("SKIPPED records on PostgreSQL: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os("TOCSIN_SKIP_LOG") {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path);
        log.unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// The server's URL, with `{}` for the database.
fn start() -> Result<Server, String> {
    if let Ok(url) = std::env::var("TOCSIN_TEST_POSTGRES") {
        return Ok(Server { base: format!("{}/{{}}", url.trim_end_matches('/')), _watcher: None });
    }
    let programs = programs().ok_or("neither `initdb` nor `postgres` is here (Debian: postgresql)")?;
    let folder = tempfile::Builder::new().prefix("tocsin-pg").tempdir().unwrap().keep();
    let owner = owner()?;
    if let Some(owner) = owner {
        std::os::unix::fs::chown(&folder, Some(owner), Some(owner)).unwrap();
    }
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some(owner) = owner {
            command.uid(owner).gid(owner);
        }
        command
    };
    let data = folder.join("data");
    let data = data.to_str().unwrap();
    let made = run(
        &programs.join("initdb"),
        &["-D", data, "-U", "tocsin", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
    );
    let made = { made }.stdin(Stdio::null()).output().map_err(|error| format!("initdb: {error}"))?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim()));
    }
    // Once this process is gone, the other end of the shell's input closes.
    let watch = "\"$0\" -D \"$1\" -k \"$2\" -h '' -F -N 200 >/dev/null 2>&1 & \
                 trap '' INT TERM HUP; cat >/dev/null; kill -QUIT $!; wait; rm -rf \"$2\"";
    let postgres = programs.join("postgres");
    let socket = folder.to_str().unwrap();
    let arguments = ["-c", watch, postgres.to_str().unwrap(), data, socket];
    let watcher = { run(Path::new("sh"), &arguments) }.stdin(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !folder.join(".s.PGSQL.5432").exists() {
        assert!(Instant::now() < deadline, "waited for PostgreSQL in {socket}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let base = format!("postgres://tocsin@{}/{{}}", socket.replace('/', "%2F"));
    Ok(Server { base, _watcher: Some(watcher) })
}

/// The folder with the server's programs: that of the path, or the newest of Debian's.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut packaged: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    packaged.sort();
    folders.extend(packaged.into_iter().rev());
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// The user to run the server as, if this process may not: PostgreSQL refuses to run as root.
fn owner() -> Result<Option<u32>, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let id = |name: &str| {
        let user = users.lines().find(|line| line.split(':').next() == Some(name))?;
        user.split(':').nth(2)?.parse().ok()
    };
    id("postgres").or_else(|| id("nobody")).map(Some).ok_or_else(|| {
        "this is root, as whom PostgreSQL does not run, and there is no user `postgres` or `nobody`"
            .to_owned()
    })
}
