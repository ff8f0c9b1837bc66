//! A server over HTTP, by hand, for one answer a connection.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server says to a request.
type Answer = Arc<dyn Fn(&Seen) -> String + Send + Sync>;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The first line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Web {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        let answer: Answer = Arc::new(answer);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has one");
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let log = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("somebody connects");
                tokio::spawn(serve(socket, Arc::clone(&answer), Arc::clone(&log)));
            }
        });
        Self {
            url: format!("http://{address}/mcp"),
            seen,
            serving,
        }
    }

    pub(crate) async fn stop(&mut self) {
        self.serving.abort();
        assert!((&mut self.serving).await.is_err());
    }

    /// How many requests had such a method.
    pub(crate) fn count(&self, method: &str) -> usize {
        let seen = self.seen.lock().expect("nobody panics");
        seen.iter()
            .filter(|seen| seen.body["method"] == method)
            .count()
    }
}

async fn serve(mut socket: TcpStream, answer: Answer, log: Arc<Mutex<Vec<Seen>>>) {
    let mut read = Vec::new();
    let (head, start) = loop {
        let end = read.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            break (head, end + 4);
        }
        let more = socket.read_buf(&mut read).await.expect("it can be read");
        // Or it begins as TLS does.
        if more == 0 || read[0] == 22 {
            return;
        }
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a number"));
    while read.len() < start + length {
        socket.read_buf(&mut read).await.expect("it can be read");
    }
    let body = serde_json::from_slice(&read[start..start + length]).unwrap_or_default();
    let seen = Seen { head, body };
    let answer = answer(&seen);
    log.lock().expect("nobody panics").push(seen);
    // Who asked may be gone.
    let _ = socket.write_all(answer.as_bytes()).await;
    // What has no length goes on.
    if !answer.contains("content-length") {
        let _ = socket.read(&mut [0]).await;
    }
}

/// An answer of that status and type.
pub(crate) fn http(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}

pub(crate) fn result(seen: &Seen, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": seen.body["id"], "result": result })
}

/// A server as it should be: one tool, `echo`.
pub(crate) fn good(seen: &Seen) -> String {
    let params = &seen.body["params"];
    let answer = match seen.body["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "web", "version": "1" },
        }),
        Some("tools/list") => json!({ "tools": [
            { "name": "echo", "inputSchema": { "type": "object" } },
        ] }),
        Some("tools/call") => json!({ "content": [
            { "type": "text", "text": params["arguments"]["text"] },
        ] }),
        Some(_) => return http("202 Accepted", "text/plain", ""),
        None => return http("405 Method Not Allowed", "text/plain", ""),
    };
    http(
        "200 OK",
        "application/json",
        &result(seen, &answer).to_string(),
    )
}
