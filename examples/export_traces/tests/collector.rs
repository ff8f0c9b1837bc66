//! The example, run as a user runs it, against a collector on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

/// The path and the body of a request.
type Request = (String, Vec<u8>);

/// Takes one request and answers it.
fn take(stream: TcpStream, status: &str, requests: &mpsc::Sender<Request>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    // Before the answer: whoever has that may end.
    requests.send((path, body)).ok()?;
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{{}}"
    );
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// Runs the example with a collector that answers all requests in this way, and
/// gives what it got.
fn collected(status: &'static str) -> (Output, Vec<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it has one");
    let (requests, taken) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            take(stream, status, &requests);
        }
    });
    let output = run(&[&format!("http://{address}/v1/traces")]);
    (output, taken.try_iter().collect())
}

/// Runs the example, and gives all spans that have arrived.
fn exported() -> (Output, Vec<Value>) {
    let (output, requests) = collected("200 OK");
    let mut spans = Vec::new();
    for (path, body) in requests {
        assert_eq!(path, "/v1/traces");
        let body: Value = serde_json::from_slice(&body).expect("it is JSON");
        let resource = &body["resourceSpans"][0];
        assert_eq!(text(&resource["resource"], "service.name"), "research");
        for scope in list(&resource["scopeSpans"]) {
            spans.extend(list(&scope["spans"]).iter().cloned());
        }
    }
    (output, spans)
}

fn run(arguments: &[&str]) -> Output {
    let example = Command::new(env!("CARGO_BIN_EXE_export_traces"))
        .args(arguments)
        .output();
    example.expect("the example starts")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("it is a list")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("it is a text")
}

/// The value of an attribute.
fn attribute<'a>(of: &'a Value, key: &str) -> &'a Value {
    let mut attributes = list(&of["attributes"]).iter();
    let found = attributes.find(|attribute| attribute["key"] == key);
    &found.unwrap_or_else(|| panic!("no `{key}` in {of:#}"))["value"]
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    string(&attribute(of, key)["stringValue"])
}

/// All spans as a tree: name, outcome, status. Siblings are in the order of their
/// names, since spans that begin together have no other.
fn tree(spans: &[Value], parent: &str, depth: usize) -> String {
    let mut below: Vec<(String, String)> = Vec::new();
    for span in spans {
        if span["parentSpanId"].as_str().unwrap_or_default() != parent {
            continue;
        }
        let name = string(&span["name"]);
        let mut line = format!("{:depth$}{name}", "");
        let attributes = list(&span["attributes"]);
        for key in ["superstep", "attempt", "outcome"] {
            let Some(found) = attributes.iter().find(|attribute| attribute["key"] == key) else {
                continue;
            };
            let value = &found["value"];
            let value = value["stringValue"].as_str().or(value["intValue"].as_str());
            line += &format!(" {}", value.expect("a text or a number"));
        }
        // 2 is an error, in OTLP.
        if span["status"]["code"] == 2 {
            line += &format!(" ERROR({})", string(&span["status"]["message"]));
        }
        let inside = tree(spans, string(&span["spanId"]), depth + 2);
        below.push((line, inside));
    }
    below.sort();
    let lines = below.into_iter();
    lines
        .map(|(line, inside)| format!("{line}\n{inside}"))
        .collect()
}

#[test]
fn a_run_arrives_as_one_trace() {
    let (output, spans) = exported();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    let expected = "\
invoke_agent research done
  superstep 1
    history 1 done
      attempt 1 done
        chat parrot-1
    terms 1 done
      attempt 1 failed ERROR(the model is overloaded)
      attempt 2 done
        chat parrot-1
  superstep 2
    synthesize 2 done
      attempt 1 done
";
    assert_eq!(tree(&spans, "", 0), expected, "{spans:#?}");
    let traces = spans.iter().map(|span| &span["traceId"]);
    assert!(
        traces
            .clone()
            .all(|trace| Some(trace) == traces.clone().next())
    );
}

#[test]
fn spans_have_the_names_that_backends_know() {
    let (_, spans) = exported();
    let span = |name: &str| {
        let span = spans.iter().find(|span| span["name"] == name);
        span.expect("it has arrived")
    };
    let run = span("invoke_agent research");
    assert_eq!(text(run, "gen_ai.operation.name"), "invoke_agent");
    assert_eq!(text(run, "gen_ai.agent.name"), "research");
    assert_eq!(text(run, "run_id"), "research-1");
    assert_eq!(attribute(run, "supersteps")["intValue"], "2");
    assert_eq!(text(span("terms"), "task"), "terms");
    assert_eq!(attribute(span("terms"), "attempts")["intValue"], "2");
    // 3 is a client, in OTLP.
    assert_eq!(span("chat parrot-1")["kind"], 3);
    // What a body logs is an event of its attempt.
    let says = |span: &&Value| {
        let events = span["events"].as_array();
        events.is_some_and(|events| {
            events
                .iter()
                .any(|it| it["name"] == "the model has time again")
        })
    };
    let speaker = spans.iter().find(says).expect("it was said");
    assert_eq!(speaker["name"], "attempt");
    assert_eq!(speaker["parentSpanId"], span("terms")["spanId"]);
}

#[test]
fn where_to_send_spans_has_to_be_said() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("http://localhost:4318/v1/traces"), "{said}");
}

#[test]
fn spans_that_are_refused_are_told() {
    let (output, requests) = collected("400 Bad Request");
    assert_eq!(requests.len(), 1);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("have not all arrived"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}
