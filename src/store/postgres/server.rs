//! A real PostgreSQL server for tests and benchmarks: its own folder, its own socket, no port, `fsync` on.
//!
//! The processes of one run share a server ([`Server::shared`]); a test that restarts or kills its server has one of its
//! own ([`Server::own`]). Whoever uses one holds a lock on a file in its folder. A small shell script (`guard.sh`)
//! stops the server and removes its folder when nobody holds that lock any more, also after a panic or a SIGKILL.
//!
//! Each test has a database of its own ([`Database`]).

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on says where")]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// For how many seconds the shared server waits for the next test.
const SHARED_IDLE: u32 = 20;
/// What whoever runs the tests has to do.
const MISSING: &str = "these tests need the programs of a PostgreSQL server (initdb, pg_ctl, psql): \
     on Debian `apt-get install postgresql`; elsewhere put their folder into EMPANEL_POSTGRES_BIN";

/// A running server; clones are the same one.
#[derive(Debug, Clone)]
pub struct Server {
    folder: PathBuf,
    bin: PathBuf,
    /// Held as long as somebody of this process uses it.
    _users: Arc<File>,
}

impl Server {
    /// The server that all tests share; started by whoever is first.
    ///
    /// # Panics
    /// With a message that says what to install, if there is no PostgreSQL.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        let folder = || std::env::temp_dir().join(format!("empanel-postgres-{}", me().0));
        SHARED.get_or_init(|| Self::join(folder(), SHARED_IDLE)).clone()
    }

    /// A server of one's own, to be killed and restarted.
    ///
    /// # Panics
    /// As [`Server::shared`].
    #[must_use]
    pub fn own() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::join(std::env::temp_dir().join(format!("empanel-postgres-own-{}-{number}", std::process::id())), 2)
    }

    fn join(folder: PathBuf, idle: u32) -> Self {
        let bin = programs().unwrap_or_else(|| panic!("{MISSING}"));
        let lock = folder.with_extension("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock).unwrap();
        // One starts it, the others wait.
        lock.lock().unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let users = folder.join("users");
        let users = OpenOptions::new().create(true).truncate(false).write(true).open(users).unwrap();
        users.lock_shared().unwrap();
        let server = Self { folder, bin, _users: Arc::new(users) };
        if !server.answers() {
            server.start(idle);
        }
        server
    }

    fn answers(&self) -> bool {
        self.folder.join("data/PG_VERSION").exists() && self.psql("postgres", "SELECT 1").is_ok()
    }

    fn start(&self, idle: u32) {
        let data = self.folder.join("data");
        if data.exists() {
            // One that was killed, or whose machine was switched off.
            let _ = self.pg_ctl(&["-m", "immediate", "stop"]);
            std::fs::remove_dir_all(&data).unwrap();
        }
        if let Some((uid, gid)) = somebody_else() {
            for path in [self.folder.clone(), self.folder.join("users"), self.folder.with_extension("lock")] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
            }
        }
        let mut initdb = self.program("initdb");
        // `--no-sync` is about what initdb itself writes; the server syncs.
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]);
        succeed(initdb.arg(&data));
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 400\nshared_buffers = 64MB\n\
             max_wal_size = 512MB\nlog_min_messages = warning\n",
            self.folder.display()
        );
        let path = data.join("postgresql.conf");
        let all = std::fs::read_to_string(&path).unwrap() + &settings;
        std::fs::write(&path, all).unwrap();
        self.pg_ctl(&["start"]).unwrap_or_else(|said| panic!("PostgreSQL does not start: {said}"));
        let mut guard = self.as_server(Command::new("sh"));
        // A child of nobody's: it outlives this process, and the next one.
        guard.args(["-c", r#"sh -c "$1" guard "$2" "$3" "$4" &"#, "start", include_str!("guard.sh")]);
        guard.arg(&self.folder).arg(&self.bin).arg(idle.to_string()).process_group(0);
        guard.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    }

    /// Where its socket is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it as a crash would, and starts it again.
    pub fn crash_and_restart(&self) {
        self.pg_ctl(&["-m", "immediate", "restart"]).unwrap();
    }

    /// Stops it as a crash would.
    pub fn crash(&self) {
        self.pg_ctl(&["-m", "immediate", "stop"]).unwrap();
    }

    pub fn restart(&self) {
        self.pg_ctl(&["start"]).unwrap();
    }

    /// An empty database.
    #[must_use]
    pub fn database(&self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{number}", std::process::id());
        self.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        Database { server: self.clone(), name }
    }

    /// What psql answers to statements, unaligned, without headings.
    ///
    /// # Errors
    /// What psql complains of.
    pub fn psql(&self, database: &str, statements: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statements]);
        output(psql.arg("-h").arg(&self.folder))
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.program("pg_ctl");
        // Its children would hold a pipe of ours open as long as they live.
        command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(self.folder.join("log")).args(["-w", "-t", "60"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().unwrap();
        if status.success() {
            return Ok(String::new());
        }
        Err(std::fs::read_to_string(self.folder.join("log")).unwrap_or_else(|_| status.to_string()))
    }

    fn program(&self, name: &str) -> Command {
        let mut command = self.as_server(Command::new(self.bin.join(name)));
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// PostgreSQL refuses to run as root.
    fn as_server(&self, mut command: Command) -> Command {
        if let Some((uid, gid)) = somebody_else() {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A database of one test; gone when it is dropped.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// For [`Store::open`](crate::store::Store::open).
    #[must_use]
    pub fn url(&self) -> String {
        let host = self.server.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{host}/{}", self.name)
    }

    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What psql answers.
    pub fn ask(&self, statements: &str) -> String {
        self.server.psql(&self.name, statements).unwrap_or_else(|said| panic!("{statements}: {said}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that a test has stopped takes its databases with it.
        let _ = self.server.psql("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Where the programs are.
fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("EMPANEL_POSTGRES_BIN").map(PathBuf::from);
    let mut folders: Vec<PathBuf> = named.into_iter().collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|folder| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).exists()))
}

/// User and group of this process.
fn me() -> (u32, u32) {
    let me = std::fs::metadata("/proc/self").unwrap_or_else(|_| std::fs::metadata(std::env::temp_dir()).unwrap());
    (me.uid(), me.gid())
}

/// Who runs the server where we are root: `postgres`, or `nobody`.
fn somebody_else() -> Option<(u32, u32)> {
    if me().0 != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let mut fields = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":"))?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

fn succeed(command: &mut Command) {
    if let Err(said) = output(command) {
        panic!("{}: {said}", Path::new(command.get_program()).display());
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
