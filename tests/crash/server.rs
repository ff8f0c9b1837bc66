//! Servers to work at: one that all tests share, and ones that die.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error, NoTls};

use crate::kill::pause;
use crate::ledger::events;

#[path = "../support/postgres.rs"]
mod shared;

pub(crate) use shared::server;

/// Somebody else's connection, outside of any store.
pub(crate) async fn client(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

const LONGEST_HOLD: Duration = Duration::from_millis(200);

/// Sessions that do nothing for a while.
pub(crate) struct Held {
    processes: Vec<String>,
}

impl Held {
    /// Holds all that are of that application.
    pub(crate) fn of(url: &str, application: &str) -> Self {
        let found: Result<_, Error> = runtime().block_on(async {
            let client = client(url).await?;
            let find = "SELECT pid::text FROM pg_stat_activity WHERE application_name = $1";
            let rows = client.query(find, &[&application]).await?;
            rows.iter().map(|row| row.try_get(0)).collect()
        });
        let held = Self {
            processes: found.expect("the server is there"),
        };
        signal("-STOP", &held.processes);
        held
    }

    /// Ends the process whose sessions they are; false if it ended before.
    ///
    /// It only stops at first, as a machine that is cut off: a server that is
    /// told that nobody listens gives up what it does. The sessions go on when
    /// the ledger has some lines more, of which the first is what the next
    /// process sees, and the second what it begins under a lease of its own; or
    /// after a while, as it may wait for what they hold.
    pub(crate) fn bury(self, mut child: Child, ledger: PathBuf, luck: u64) -> bool {
        signal("-STOP", &[child.id().to_string()]);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            signal("-CONT", &self.processes);
            return !status.success();
        }
        let n_lines = usize::try_from(luck % 4).expect("it is small");
        let (began, n_before) = (Instant::now(), events(&ledger).len());
        std::thread::spawn(move || {
            while events(&ledger).len() < n_before + n_lines && began.elapsed() < LONGEST_HOLD {
                pause(Duration::from_micros(300));
            }
            signal("-CONT", &self.processes);
            pause(Duration::from_millis(20));
            child.kill().expect("it is there");
            child.wait().expect("it ends");
        });
        true
    }
}

/// To those of the processes that are there.
fn signal(signal: &str, processes: &[String]) {
    let mut kill = Command::new("kill");
    kill.arg(signal).args(processes).stderr(Stdio::null());
    kill.status().expect("there is such a program");
}

/// For who is in none.
pub(crate) fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime")
}

/// Arguments as those of the shared one's. It does what it is told, a word a
/// line, and says when that is done. `kill` ends all its processes, of which
/// none can say a word any more; `stop` lets them close their connections.
const SCRIPT: &str = r#"
    cd /
    trap 'rm -rf "$2"' EXIT
    mkdir -m 700 "$2" &&
    "$1/initdb" -D "$2/data" -U superstep -A trust -E UTF8 --no-locale -N >"$2/log" 2>&1
    echo "fsync = off" >>"$2/data/postgresql.conf"
    begin() {
        "$1/pg_ctl" -D "$2/data" -w -l "$2/log" -o "-c listen_addresses=127.0.0.1 -c port=$3 \
            -c unix_socket_directories='' -c max_connections=100" start >>"$2/log" 2>&1
    }
    end() { "$1/pg_ctl" -D "$2/data" -m immediate -w stop >/dev/null 2>&1; }
    murder() {
        main=$(head -n 1 "$2/data/postmaster.pid")
        kill -STOP "$main" # so that there are no more of them
        all="$main $(ps -A -o ppid=,pid= | while read -r parent child; do
            if [ "$parent" = "$main" ]; then echo "$child"; fi
        done)"
        kill -KILL $all
        for each in $all; do
            while ps -o stat= -p "$each" | grep -qv Z; do :; done
        done
        rm -f "$2/data/postmaster.pid"
    }
    while read -r order; do
        case $order in
            start) begin "$@" ;;
            stop) end "$@" ;;
            kill) murder "$@" ;;
        esac && echo "$order" || { cat "$2/log"; exit 1; }
    done
    end "$@"
"#;

/// A server that can be killed.
pub(crate) struct Mortal {
    port: u16,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The shell ends when its orders do.
    _shell: Child,
}

impl Mortal {
    /// One that is alive; `None`, and a line that says so, where there is none.
    pub(crate) fn born() -> Option<Self> {
        // It says that it is skipped, or fails where it must not be.
        server()?;
        let port = shared::free_port();
        let data = env::temp_dir().join(format!("superstep-mortal-{}-{port}", std::process::id()));
        let mut command = shared::shell();
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(shared::programs()?)
            .arg(data)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = command.spawn().expect("there is a shell");
        let mut server = Self {
            port,
            orders: shell.stdin.take().expect("it is a pipe"),
            answers: BufReader::new(shell.stdout.take().expect("it is a pipe")),
            _shell: shell,
        };
        server.order("start");
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://superstep@127.0.0.1:{}/postgres", self.port)
    }

    /// What an error calls it.
    pub(crate) fn place(&self) -> String {
        format!("127.0.0.1:{}/postgres", self.port)
    }

    /// `start`, `stop` or `kill`; done when it returns.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("it is a pipe");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it can be read");
        assert_eq!(line.trim(), order, "the server does not {order}");
    }
}
