//! A throw-away PostgreSQL cluster: made in a temporary folder, reached by a Unix socket in it, gone when dropped.
//!
//! Invariant: nothing outlives the value, and no TCP port is opened. PostgreSQL refuses to run as root, so root runs it as
//! another user.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Makes and starts a cluster. Needs PostgreSQL's server programs; `scripts/setup` installs them.
    pub fn start() -> Result<Self> {
        let binaries = binaries().context(
            "PostgreSQL's `initdb` is neither on PATH nor in /usr/lib/postgresql/*/bin; run scripts/setup, \
             or install the package `postgresql`",
        )?;
        // Not the system's temporary folder: a Unix socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("tatum-pg-").tempdir_in("/tmp")?;
        let user = other_user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let cluster = Self { folder, binaries, user };
        let data = cluster.path("data");
        cluster.run("initdb", &["-D", &data, "-U", "tatum", "-A", "trust", "-E", "UTF8", "-N"])?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=50",
            cluster.folder.path().display()
        );
        let log = cluster.path("log");
        cluster.run("pg_ctl", &["-D", &data, "-l", &log, "-w", "-o", &options, "start"])?;
        Ok(cluster)
    }

    /// The URL of a new, empty database called `name`.
    pub fn database(&self, name: &str) -> Result<String> {
        let host = self.folder.path().display().to_string();
        self.run("createdb", &["-h", &host, "-U", "tatum", name])?;
        Ok(format!("postgres://tatum@localhost/{name}?host={}", host.replace('/', "%2F")))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        // pg_ctl's server would keep a pipe open for ever, so what is printed goes to a file.
        let printed = self.folder.path().join(format!("{program}.out"));
        let file = fs::File::create(&printed)?;
        command.stdout(file.try_clone()?).stderr(file);
        let output = command.output().with_context(|| format!("starting {program}"))?;
        let text = fs::read_to_string(&printed).unwrap_or_default();
        ensure!(output.status.success(), "{program} failed: {text}");
        Ok(output)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.path("data");
        if let Err(error) = self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]) {
            eprintln!("stopping PostgreSQL: {error:#}");
        }
    }
}

/// The folder of PostgreSQL's programs: where `initdb` really is, for what is on PATH may be a link.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>().into_iter();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let others = ["/usr/pgsql/bin", "/opt/homebrew/opt/postgresql/bin", "/usr/local/pgsql/bin"];
    let known = others.iter().map(PathBuf::from);
    let initdb = on_path.chain(debian).chain(known).map(|folder| folder.join("initdb"));
    let real = initdb.filter_map(|initdb| fs::canonicalize(initdb).ok());
    real.filter_map(|initdb| initdb.parent().map(Path::to_path_buf))
        .find(|folder| folder.join("createdb").exists())
}

/// Whom root runs PostgreSQL as; `None` for anybody else.
fn other_user() -> Result<Option<(u32, u32)>> {
    let id = Command::new("id").arg("-u").output().context("starting id")?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Ok(None);
    }
    let users = fs::read_to_string(Path::new("/etc/passwd"))?;
    for name in ["postgres", "nobody"] {
        let line = users.lines().find(|line| line.split(':').next() == Some(name));
        let mut fields = line.into_iter().flat_map(|line| line.split(':').skip(2));
        if let (Some(uid), Some(gid)) = (fields.next(), fields.next()) {
            return Ok(Some((uid.parse()?, gid.parse()?)));
        }
    }
    bail!("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}
