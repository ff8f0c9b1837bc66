//! Streams that end as they should not, or are none.

use std::future::{Future as _, poll_fn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use superstep_providers::ModelErrorKind;

use crate::kit::{Reply, Server, asked, pieces, same, show, show_error, streamed};

const N_OTHERS: usize = 300;

const HEL: &str = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
const LO: &str = r#"{"choices":[{"delta":{"content":"lo"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn an_end_is_one_if_the_provider_says_so() {
    for (events, expected) in [
        (&[HEL, LO, STOP, "[DONE]"][..], r#""Hello" Stop"#),
        (&[HEL, LO, STOP][..], r#""Hello" Stop"#),
        (&[HEL, LO, "[DONE]"][..], r#""Hello" Stop"#),
        (&[HEL, LO][..], "truncated 200 of r1"),
        (&[HEL][..], "truncated 200 of r1"),
        (&[][..], "truncated 200 of r1"),
        (&["[DONE]"][..], "decode 200 of r1: it holds no answer"),
    ] {
        let reply = Reply::events(events).header("x-request-id", "r1");
        same(&events.join(" "), &streamed(reply).await, expected);
    }
}

#[tokio::test]
async fn the_word_done_in_an_answer_is_not_its_end() {
    let reply = Reply::events(&[r#"{"choices":[{"delta":{"content":"\ndata: [DONE]"}}]}"#]);
    same("said", &streamed(reply).await, "truncated 200");
}

#[tokio::test]
async fn an_error_ends_a_stream_as_that() {
    for (last, expected) in [
        (
            r#"data: {"error":{"message":"overloaded","type":"server_error","code":null}}"#,
            "overloaded 200 `server_error`: overloaded",
        ),
        (
            r#"data: {"error":{"message":"too long","code":400}}"#,
            "bad-request 200 `400`: too long",
        ),
        (r#"data: {"error":"text"}"#, "overloaded 200: text"),
        (
            "event: error\ndata: {\"error\":{\"message\":\"gone\",\"code\":502}}",
            "overloaded 200 `502`: gone",
        ),
        (
            "event: error\ndata: {\"message\":\"gone\",\"code\":\"rate_limit_exceeded\"}",
            "rate-limited 200 `rate_limit_exceeded`: gone",
        ),
        ("event: error\ndata: it broke", "decode 200"),
        (
            r#"data: {"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}"#,
            "overloaded 200 `502`: gone",
        ),
    ] {
        let server = Server::start([Reply::pieces(&[
            format!("data: {HEL}\n\n"),
            format!("{last}\n\n"),
            format!("data: {LO}\n\ndata: {STOP}\n\ndata: [DONE]\n\n"),
        ])])
        .await;
        let (texts, error) = pieces(&server.model(), "hi").await;
        assert_eq!(texts, ["Hel"], "{last}");
        same(
            last,
            &error.map(|error| show_error(&error)).unwrap_or_default(),
            expected,
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_ends_a_stream_unless_it_is_finished() {
    let broken = Reply::events(&[HEL]).then_breaks();
    same("before", &streamed(broken).await, "transport 200");
    let finished = Reply::events(&[HEL, LO, STOP]).then_breaks();
    same("after", &streamed(finished).await, r#""Hello" Stop"#);
}

#[tokio::test]
async fn a_server_that_does_not_stream_answers_all_the_same() {
    let whole = r#"{
        "id": "c1",
        "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2}
    }"#;
    let expected = r#""Hello" Stop 1+2"#;
    same("at once", &streamed(Reply::json(whole)).await, expected);
    let (one, two) = whole.split_at(30);
    same(
        "in two",
        &streamed(Reply::pieces(&["\n ", one, two])).await,
        expected,
    );
    same(
        "with a mark",
        &streamed(Reply::pieces(&[format!("\u{feff}{whole}")])).await,
        expected,
    );
    let page =
        Reply::json("<!doctype html><title>Sign in</title>").header("content-type", "text/html");
    same("a page", &streamed(page).await, "decode 200");
}

#[tokio::test]
async fn a_server_that_streams_all_the_same_answers() {
    let used = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let failed = r#"{"error":{"message":"gone","code":502}}"#;
    for (events, expected) in [
        (
            &[HEL, "", LO, STOP, used, "[DONE]"][..],
            r#""Hello" Stop 1+2"#,
        ),
        (&[HEL, LO, STOP][..], r#""Hello" Stop"#),
        (&[HEL, LO, "[DONE]"][..], r#""Hello" Stop"#),
        (&[HEL, LO][..], "truncated 200"),
        (&[HEL, failed][..], "overloaded 200 `502`: gone"),
        (&[HEL, "it broke"][..], "decode 200"),
        (&["[DONE]"][..], "decode 200: it holds no answer"),
    ] {
        same(
            &events.join(" "),
            &asked(Reply::events(events)).await,
            expected,
        );
    }
    let events = [
        "\u{feff}: busy\r\n\r\n".to_owned(),
        format!("event: x\r\ndata:{HEL}\r\n\r\n"),
    ];
    let rest = format!("data: {{\ndata: {}\n\ndata: {STOP}", &LO[1..]);
    let reply = Reply::pieces(&[events.concat(), rest]);
    same("lines", &asked(reply).await, r#""Hello" Stop"#);
    let responses = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"x"}]}]}}"#;
    let server = Server::start([Reply::events(&[responses])]).await;
    let model = server.openai().attempts(1).responses().build();
    let model = model.expect("it can be built");
    same(
        "responses",
        &show(model.generate("hi").await),
        r#""x" Stop"#,
    );
}

#[tokio::test]
async fn comments_line_ends_and_content_types_do_not_matter() {
    let events = [
        ": OPENROUTER PROCESSING\n\n".to_owned(),
        format!("id: 1\r\ndata: {HEL}\r\n\r\n"),
        ": keep-alive\n\n".to_owned(),
        "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned(),
        "data: \n\ndata:\ndata: \n\n".to_owned(),
        format!("data:{LO}\n\n"),
        format!("data: {STOP}\n\ndata:[DONE]\n\n"),
    ];
    let expected = r#""Hello" Stop"#;
    let reply = Reply::pieces(&events);
    same("as it is", &streamed(reply.clone()).await, expected);
    same(
        "plain",
        &streamed(reply.header("content-type", "text/plain")).await,
        expected,
    );
    // Each byte alone.
    let bytes: Vec<String> = events.concat().chars().map(String::from).collect();
    same(
        "byte by byte",
        &streamed(Reply::pieces(&bytes)).await,
        expected,
    );
}

#[tokio::test]
async fn a_mark_at_the_beginning_is_no_part_of_a_stream() {
    let events = format!("data: {HEL}\n\ndata: {LO}\n\ndata: {STOP}\n\n");
    let mark = "\u{feff}".as_bytes();
    let expected = r#""Hello" Stop"#;
    for n_bytes in 0..=mark.len() {
        let rest = [&mark[n_bytes..], events.as_bytes()].concat();
        let reply = Reply::bytes([mark[..n_bytes].to_vec(), rest]);
        same(&n_bytes.to_string(), &streamed(reply).await, expected);
    }
    let bytes = [mark, events.as_bytes()].concat();
    let reply = Reply::bytes(bytes.into_iter().map(|byte| vec![byte]));
    same("byte by byte", &streamed(reply).await, expected);
    let reply = Reply::pieces(&["\u{feff}data: [DONE]\n\n"]);
    same(
        "no answer",
        &streamed(reply).await,
        "decode 200: it holds no answer",
    );
}

#[tokio::test]
async fn the_first_piece_is_there_before_the_last() {
    let server = Server::start([Reply::events(&[HEL]).then_hangs()]).await;
    let mut stream = server.model().stream("hi");
    while stream.partial().text().is_empty() {
        stream
            .next()
            .await
            .expect("more comes")
            .expect("it is no error");
    }
    assert_eq!(stream.partial().text(), "Hel");
    // Nothing else comes, and nothing is made up.
    let next = stream.next();
    let mut next = std::pin::pin!(next);
    let polled = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_ready())).await;
    assert!(!polled);
}

#[tokio::test]
async fn nothing_comes_after_an_error() {
    let server = Server::start([Reply::events(&[HEL])]).await;
    let mut stream = server.model().stream("hi");
    let mut errors = 0;
    while let Some(delta) = stream.next().await {
        errors += usize::from(delta.is_err_and(|error| error.kind == ModelErrorKind::Truncated));
    }
    assert_eq!(errors, 1);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn what_nobody_reads_is_not_fetched() {
    let text = "x".repeat(1 << 16);
    let piece = format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    let n_taken = Arc::default();
    let others = (0..N_OTHERS).map(|_| Reply::events(&[STOP]));
    let replies = [Reply::events(&[&piece]).repeats(&n_taken)];
    let server = Server::start(replies.into_iter().chain(others)).await;
    let model = server.model();
    let mut stream = model.stream("hi");
    while stream.partial().text().is_empty() {
        stream
            .next()
            .await
            .expect("more comes")
            .expect("it is no error");
    }
    // Meanwhile much else happens.
    for _ in 0..N_OTHERS {
        model.stream("hi").finish().await.expect("it answers");
    }
    // What the sockets hold, which is some megabytes, and not what came since.
    let n_taken = n_taken.load(Ordering::Relaxed);
    assert!(n_taken < 400, "{n_taken}");
}
