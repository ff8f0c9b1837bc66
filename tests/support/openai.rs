//! A server on this machine that speaks as OpenAI's Chat Completions do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// A server that answers requests, one after the other, for as long as the test runs.
pub(crate) struct Server {
    url: String,
    n_asked: Arc<AtomicUsize>,
}

impl Server {
    /// What a model says to a request, as the `message` of a choice.
    pub(crate) fn of(says: impl Fn(&Value) -> Value + Send + 'static) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/v1", server.local_addr().expect("it has one"));
        let n_asked = Arc::default();
        let count = Arc::clone(&n_asked);
        std::thread::spawn(move || {
            for call in server.incoming() {
                serve(call.expect("a call"), &says, &count);
            }
        });
        Self { url, n_asked }
    }

    /// Lets a program ask it.
    pub(crate) fn asked_by(&self, program: &mut Command) {
        program
            .env("OPENAI_BASE_URL", &self.url)
            .env("OPENAI_MODEL", "any");
    }

    /// How often it was asked.
    pub(crate) fn n_asked(&self) -> usize {
        self.n_asked.load(Ordering::SeqCst)
    }
}

fn serve(mut call: TcpStream, says: &impl Fn(&Value) -> Value, n_asked: &AtomicUsize) {
    let request = read(&call);
    n_asked.fetch_add(1, Ordering::SeqCst);
    let message = says(&request);
    let finish = match message["tool_calls"].is_array() {
        true => "tool_calls",
        false => "stop",
    };
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 5 });
    let (kind, answer) = match request["stream"] == true {
        true => {
            let whole = json!({ "choices": [{ "delta": message }] });
            let end =
                json!({ "choices": [{ "delta": {}, "finish_reason": finish }], "usage": usage });
            let events = format!("data: {whole}\n\ndata: {end}\n\ndata: [DONE]\n\n");
            ("text/event-stream", events)
        }
        false => {
            let choices = json!([{ "message": message, "finish_reason": finish }]);
            let answer = json!({ "choices": choices, "usage": usage });
            ("application/json", answer.to_string())
        }
    };
    let n_bytes = answer.len();
    let head = format!("content-type: {kind}\r\ncontent-length: {n_bytes}\r\nconnection: close");
    let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{answer}");
    call.write_all(answer.as_bytes()).expect("it listens");
}

/// The body of a request.
fn read(call: &TcpStream) -> Value {
    let mut call = BufReader::new(call);
    let mut n_bytes = 0;
    let mut line = String::new();
    while call.read_line(&mut line).expect("a line") > 2 {
        let header = line.to_ascii_lowercase();
        if let Some(length) = header.strip_prefix("content-length:") {
            n_bytes = length.trim().parse().expect("a number");
        }
        line.clear();
    }
    let mut body = vec![0; n_bytes];
    call.read_exact(&mut body).expect("a body");
    serde_json::from_slice(&body).expect("it is JSON")
}
