//! A Postgres server of the tests' own, in a temporary folder and on a port of
//! the loopback that was free.
//!
//! It is started from what is installed, when a test asks for it first. A shell
//! stands between, which stops it and takes the folder away as soon as the
//! tests' process ends, however it ends: it waits on a pipe to it.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Where it has to be there.
const REQUIRED: &str = "SUPERSTEP_REQUIRE_POSTGRES";

/// Arguments: the folder of the programs, that of the data, the port. With an
/// `openssl` there is TLS, and a certificate, `server.crt` in the data.
const SCRIPT: &str = r#"
    cd /
    trap 'rm -rf "$2"' EXIT
    mkdir -m 700 "$2" &&
    "$1/initdb" -D "$2/data" -U superstep -A trust -E UTF8 --no-locale -N >"$2/log" 2>&1
    if openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=superstep \
        -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
        -keyout "$2/data/server.key" -out "$2/data/server.crt" >>"$2/log" 2>&1
    then ssl=on; else ssl=off; fi
    # In the file, so that whoever measures can have it otherwise.
    echo "fsync = off" >>"$2/data/postgresql.conf"
    if "$1/pg_ctl" -D "$2/data" -w -l "$2/log" -o "-c listen_addresses=127.0.0.1 -c port=$3 \
        -c ssl=$ssl -c unix_socket_directories='' -c max_connections=300" start \
        >>"$2/log" 2>&1
    then echo ready; else cat "$2/log"; exit 1; fi
    exec 1>&- 2>&-
    cat >/dev/null
    "$1/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null
"#;

/// A server, as long as the process lives.
pub(crate) struct Server {
    port: u16,
    /// The shell ends when this end of its pipe does.
    _shell: Child,
}

/// The server; `None`, and a line that says so, where none is installed.
///
/// # Panics
///
/// If it does not start, or is not there where it is required.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| programs().map(|programs| start(&programs)));
    if server.is_none() {
        assert!(
            env::var_os(REQUIRED).is_none(),
            "there is no Postgres, but {REQUIRED} is set"
        );
        skipped();
    }
    server.as_ref()
}

#[expect(clippy::print_stderr, reason = "it is for who reads the tests' output")]
fn skipped() {
    eprintln!("skipped: no Postgres");
}

impl Server {
    /// Where it is, as tokio-postgres wants to be told.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://superstep:secret@127.0.0.1:{}/postgres",
            self.port
        )
    }
}

/// The folder with `initdb`, `pg_ctl` and `postgres`.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter_map(|folder| {
        // A link leads to the folder where the others are.
        let program = fs::canonicalize(folder.join("initdb")).ok()?;
        Some(program.parent()?.to_owned())
    });
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut installed: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    let all = on_path.chain(installed.into_iter().rev());
    let has_all = |folder: &Path| {
        ["initdb", "pg_ctl", "postgres"]
            .iter()
            .all(|program| folder.join(program).exists())
    };
    all.into_iter().find(|folder| has_all(folder))
}

fn start(programs: &Path) -> Server {
    let port = free_port();
    let data = env::temp_dir().join(format!("superstep-postgres-{}-{port}", std::process::id()));
    let mut command = shell();
    command
        .args(["-c", SCRIPT, "sh"])
        .arg(programs)
        .arg(&data)
        .arg(port.to_string());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut shell = command.spawn().expect("there is a shell");
    let mut said = BufReader::new(shell.stdout.take().expect("it is a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it can be read");
    if line.trim() != "ready" {
        drop(said.read_to_string(&mut line));
        panic!("Postgres does not start: {line}");
    }
    Server {
        port,
        _shell: shell,
    }
}

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address").port()
}

/// A shell; that of another user where this one is root, which Postgres refuses
/// to run as.
pub(crate) fn shell() -> Command {
    if id(&["-u"]).as_deref() != Some("0") {
        return Command::new("sh");
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find(|user| id(&["-u", user]).is_some());
    let user = user.expect("there is a user that is not root");
    let group = id(&["-g", user]).expect("it has a group");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", &group, "--clear-groups", "sh"]);
    command
}

fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
