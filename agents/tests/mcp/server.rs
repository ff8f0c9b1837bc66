//! A server of tools written by hand: the test binary starts itself again, to run
//! the one test that speaks MCP. It does what servers do, and what they should not.
#![expect(clippy::exit, reason = "it is a process of its own")]

use std::collections::BTreeMap;
use std::env;
use std::io::{Write, stdin, stdout};
use std::net::TcpStream;
use std::process::{Command, Stdio, exit};

use serde_json::{Value, json};
use superstep_agents::{McpCommand, McpConnect, McpServer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const MODE: &str = "SUPERSTEP_TEST_MCP";
const LIFE: &str = "SUPERSTEP_TEST_MCP_LIFE";

/// A server that does what the mode says.
pub(crate) fn start(mode: &str) -> McpConnect<McpCommand> {
    let this = env::current_exe().expect("it runs");
    McpServer::spawn(this, ["--exact", "server::speaks", "--nocapture"]).env(MODE, mode)
}

/// Sees the end of processes, which hold a socket that nobody else holds.
pub(crate) struct Life(TcpListener, String);

impl Life {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a port");
        let address = listener.local_addr().expect("it has one");
        Self(listener, address.to_string())
    }

    pub(crate) fn of(&self, server: McpConnect<McpCommand>) -> McpConnect<McpCommand> {
        server.env(LIFE, &self.1)
    }

    /// Waits for a process to begin, and returns what waits for its end, and for what
    /// it says then.
    pub(crate) async fn began(&self) -> impl Future<Output = String> + use<> {
        let (mut socket, _) = self.0.accept().await.expect("it connects");
        async move {
            let mut said = String::new();
            // A process that is killed may reset it.
            let _ = socket.read_to_string(&mut said).await;
            said
        }
    }
}

#[test]
fn speaks() {
    let Ok(mode) = env::var(MODE) else {
        return; // nobody has started it
    };
    let life = env::var(LIFE).map(|address| TcpStream::connect(address).expect("it listens"));
    // What runs tests has begun a line.
    println(&"");
    if mode == "broken" {
        eprintln(&"the key\n  is missing");
        exit(2);
    }
    if mode == "astray" {
        println(&"the key\n  is missing");
        exit(2);
    }
    if mode == "parent" {
        leave_a_child();
    }
    let mut server = Server::of(mode);
    for line in stdin().lines() {
        let line = line.expect("it is text");
        server.heard(&serde_json::from_str(&line).expect("it is JSON"));
    }
    if server.mode == "stubborn" {
        loop {
            std::thread::park();
        }
    }
    if let Ok(mut life) = life {
        write!(life, "bye").expect("somebody reads it");
    }
    exit(0);
}

#[expect(clippy::zombie_processes, reason = "it is to outlive this one")]
fn leave_a_child() {
    let mut child = Command::new(env::current_exe().expect("it runs"));
    child
        .args(["--exact", "server::speaks", "--nocapture"])
        .env(MODE, "stubborn")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    child.spawn().expect("it starts");
}

fn println(line: &dyn std::fmt::Display) {
    let mut out = stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.expect("somebody reads it");
}

fn eprintln(line: &dyn std::fmt::Display) {
    writeln!(std::io::stderr(), "{line}").expect("somebody reads it");
}

struct Server {
    mode: String,
    cancelled: usize,
    n_lists: usize,
    grown: bool,
    /// The calls of `work` that have no answer yet, and their tokens.
    at_work: BTreeMap<String, Value>,
}

impl Server {
    fn of(mode: String) -> Self {
        Self {
            mode,
            cancelled: 0,
            n_lists: 0,
            grown: false,
            at_work: BTreeMap::new(),
        }
    }

    fn heard(&mut self, message: &Value) {
        let params = &message["params"];
        let answer = match message["method"].as_str() {
            Some("initialize") => self.introduction(params),
            Some("tools/list") => Some(Ok(self.page(params))),
            Some("tools/call") => self.called(&message["id"], params),
            Some("notifications/cancelled") => {
                self.cancelled += 1;
                None
            }
            _ => None,
        };
        match answer {
            Some(Ok(result)) => say(json!({ "id": message["id"], "result": result })),
            Some(Err(error)) => say(json!({ "id": message["id"], "error": error })),
            None => {}
        }
    }

    fn introduction(&self, params: &Value) -> Option<Result<Value, Value>> {
        match self.mode.as_str() {
            "mute" => None,
            "refusing" => Some(Err(json!({ "code": -32000, "message": "no licence" }))),
            _ => Some(Ok(json!({
                "protocolVersion": params["protocolVersion"],
                "capabilities": { "tools": { "listChanged": true } },
                "serverInfo": { "name": "bench", "version": "1" },
                "instructions": "Ask for little.",
            }))),
        }
    }

    fn page(&mut self, params: &Value) -> Value {
        self.n_lists += 1;
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        match (self.mode.as_str(), params["cursor"].as_str()) {
            ("twins", _) => json!({ "tools": [tool("echo"), tool("echo"), tool("fail")] }),
            ("bad", _) => json!({ "tools": [
                tool("echo"),
                { "name": "none" },
                { "name": "text", "inputSchema": "an object" },
                { "name": "list", "inputSchema": { "type": "array" } },
                { "name": "odd", "inputSchema": { "properties": [] } },
                { "description": "Has no name.", "inputSchema": {} },
            ] }),
            ("pages", None) => json!({ "tools": [tool("one")], "nextCursor": "2" }),
            ("pages", Some("2")) => json!({ "tools": [tool("two")], "nextCursor": "3" }),
            ("pages", Some(_)) => json!({ "tools": [tool("three")] }),
            ("endless", _) => json!({ "tools": [], "nextCursor": "more" }),
            ("odd names", _) => json!({ "tools": [tool("admin.tools/list")] }),
            ("grows", _) if self.n_lists == 1 => json!({ "tools": [tool("grow")] }),
            ("grows", _) => json!({ "tools": [tool("grow"), tool("echo")] }),
            _ => json!({ "tools": all() }),
        }
    }

    fn called(&mut self, id: &Value, params: &Value) -> Option<Result<Value, Value>> {
        let arguments = &params["arguments"];
        let text = |text: String| json!({ "content": [{ "type": "text", "text": text }] });
        let answer = match params["name"].as_str().unwrap_or_default() {
            "echo" => text(arguments["text"].as_str().unwrap_or_default().to_owned()),
            "answer" => arguments.clone(),
            "env" => {
                let name = arguments["name"].as_str().expect("it is asked for one");
                text(env::var(name).unwrap_or_else(|_| "unset".to_owned()))
            }
            "long" => {
                let bytes = arguments["bytes"].as_u64().expect("it is asked for some");
                text("x".repeat(usize::try_from(bytes).expect("it fits")))
            }
            "cancelled" => text(self.cancelled.to_string()),
            "hang" => return None,
            "refuse" => return Some(Err(json!({ "code": -32602, "message": "no such tool" }))),
            "grow" => {
                self.grown = true;
                say(json!({ "method": "notifications/tools/list_changed" }));
                text("more".to_owned())
            }
            "die" => {
                eprintln(&"out of paper");
                exit(3);
            }
            "work" => {
                let token = params["_meta"]["progressToken"].clone();
                self.at_work.insert(id.to_string(), token);
                return None;
            }
            "step" => text(self.step()),
            "finish" => {
                for id in std::mem::take(&mut self.at_work).into_keys() {
                    let id: Value = serde_json::from_str(&id).expect("it was one");
                    say(json!({ "id": id, "result": text("finished".to_owned()) }));
                }
                text("done".to_owned())
            }
            other => panic!("there is no tool `{other}`"),
        };
        Some(Ok(answer))
    }

    /// Tells how far the work is, and then of how many calls it is.
    fn step(&self) -> String {
        for token in self.at_work.values() {
            let params = json!({ "progressToken": token, "progress": 1 });
            say(json!({ "method": "notifications/progress", "params": params }));
        }
        self.at_work.len().to_string()
    }
}

fn all() -> Vec<Value> {
    let mut tools = vec![json!({
        "name": "echo",
        "description": "Says the same.",
        "inputSchema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "text": { "type": "string", "description": "What to say." } },
            "required": ["text"],
        },
        "annotations": { "readOnlyHint": true },
    })];
    let names = [
        "answer",
        "cancelled",
        "die",
        "env",
        "finish",
        "grow",
        "hang",
        "long",
        "refuse",
        "step",
        "work",
    ];
    tools.extend(names.map(|name| {
        json!({ "name": name, "title": format!("The {name}."), "inputSchema": { "type": "object" } })
    }));
    tools
}

fn say(mut message: Value) {
    message["jsonrpc"] = "2.0".into();
    println(&message);
}
