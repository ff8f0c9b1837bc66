//! Errors of every shape, and what they are.

use serde_json::json;

use crate::kit::{Reply, Server, asked, same, show_error, streamed};

/// What a reply comes to, whether the whole answer is asked for or a stream.
async fn check(reply: Reply, expected: &str) {
    let reply = reply.header("x-request-id", "r1");
    same("whole", &asked(reply.clone()).await, expected);
    same("stream", &streamed(reply).await, expected);
}

#[tokio::test]
async fn an_error_is_what_its_status_and_its_code_say() {
    for (status, code, expected) in [
        (
            429,
            "rate_limit_exceeded",
            "rate-limited 429 `rate_limit_exceeded` of r1: sorry",
        ),
        (
            429,
            "insufficient_quota",
            "quota 429 `insufficient_quota` of r1: sorry",
        ),
        (402, "x", "quota 402 `x` of r1: sorry"),
        (
            401,
            "invalid_api_key",
            "auth 401 `invalid_api_key` of r1: sorry",
        ),
        (403, "x", "auth 403 `x` of r1: sorry"),
        (400, "x", "bad-request 400 `x` of r1: sorry"),
        (
            404,
            "model_not_found",
            "bad-request 404 `model_not_found` of r1: sorry",
        ),
        (422, "x", "bad-request 422 `x` of r1: sorry"),
        (
            400,
            "context_length_exceeded",
            "context-length 400 `context_length_exceeded` of r1: sorry",
        ),
        (
            400,
            "content_filter",
            "content-filter 400 `content_filter` of r1: sorry",
        ),
        (408, "x", "overloaded 408 `x` of r1: sorry"),
        (409, "x", "overloaded 409 `x` of r1: sorry"),
        (500, "x", "overloaded 500 `x` of r1: sorry"),
        (503, "x", "overloaded 503 `x` of r1: sorry"),
        (
            529,
            "overloaded_error",
            "overloaded 529 `overloaded_error` of r1: sorry",
        ),
        (501, "x", "unsupported 501 `x` of r1: sorry"),
        (302, "x", "bad-request 302 `x` of r1: sorry"),
    ] {
        let body =
            json!({ "error": { "message": "sorry", "type": "t", "param": null, "code": code } });
        check(Reply::json(body).status(status), expected).await;
    }
}

#[tokio::test]
async fn an_error_may_have_any_shape() {
    for (status, body, expected) in [
        // OpenRouter and Google: the code is a number.
        (
            429,
            r#"{"error":{"code":429,"message":"slow down"}}"#,
            "rate-limited 429 `429` of r1: slow down",
        ),
        // Google's list, which says in the body how long to wait.
        (
            429,
            r#"[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"retryDelay":"34s"}]}}]"#,
            "rate-limited 429 `429` of r1 after 34s: slow",
        ),
        // Several lines, which are one clause here.
        (
            401,
            r#"{"error":{"message":"Wrong key.\n\n  See the web.","code":"k"}}"#,
            "auth 401 `k` of r1: Wrong key. See the web",
        ),
        // Ollama: text.
        (
            404,
            r#"{"error":"model \"x\" not found"}"#,
            "bad-request 404 of r1: model \"x\" not found",
        ),
        // No code, but a type.
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            "overloaded 529 `overloaded_error` of r1: busy",
        ),
        // Nothing around it.
        (
            400,
            r#"{"object":"error","message":"maximum context length is 4096","type":"BadRequestError","code":400}"#,
            "context-length 400 `400` of r1: maximum context length is 4096",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body"],"msg":"required"}]}"#,
            r#"bad-request 422 of r1: [{"loc":["body"],"msg":"required"}]"#,
        ),
        // DeepSeek's quota.
        (
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
            "quota 402 `invalid_request_error` of r1: Insufficient Balance",
        ),
        // OpenRouter's moderation.
        (
            403,
            r#"{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"]}}}"#,
            "content-filter 403 `403` of r1: flagged",
        ),
        // Azure's filter.
        (
            400,
            r#"{"error":{"message":"filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            "content-filter 400 `content_filter` of r1: filtered",
        ),
        // A proxy's page, its text, and nothing.
        (
            429,
            "<html><h1>429 Too Many Requests</h1></html>",
            "rate-limited 429 of r1",
        ),
        (502, "<html>Bad Gateway</html>", "overloaded 502 of r1"),
        (
            503,
            "upstream connect error",
            "overloaded 503 of r1: upstream connect error",
        ),
        (500, "", "overloaded 500 of r1"),
    ] {
        check(Reply::json(body).status(status), expected).await;
    }
}

#[tokio::test]
async fn an_error_in_an_answer_of_success_is_one() {
    for (body, expected) in [
        (
            r#"{"error":{"code":502,"message":"provider failed"}}"#,
            "overloaded 200 `502` of r1: provider failed",
        ),
        (
            r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#,
            "rate-limited 200 `rate_limit_exceeded` of r1: slow",
        ),
        (
            r#"[{"error":{"code":400,"message":"bad"}}]"#,
            "bad-request 200 `400` of r1: bad",
        ),
        (
            r#"{"error":"out of memory"}"#,
            "overloaded 200 of r1: out of memory",
        ),
        // It says nothing, or says it elsewhere.
        (
            r#"{"error":{"message":"","code":502}}"#,
            "overloaded 200 `502` of r1",
        ),
        (r#"{"error":"..."}"#, "overloaded 200 of r1"),
        (
            r#"{"error":{"message":" ","detail":"gone"}}"#,
            "overloaded 200 of r1: gone",
        ),
        (
            r#"{"choices":[{"error":{"code":502,"message":"gone"},"finish_reason":"error"}]}"#,
            "overloaded 200 `502` of r1: gone",
        ),
    ] {
        check(Reply::json(body), expected).await;
    }
}

#[tokio::test]
async fn retry_after_has_many_forms() {
    for (headers, expected) in [
        (
            vec![("retry-after", "2")],
            "rate-limited 429 of r1 after 2s",
        ),
        (
            vec![("retry-after", "1.5")],
            "rate-limited 429 of r1 after 1.5s",
        ),
        (
            vec![("retry-after-ms", "250"), ("retry-after", "9")],
            "rate-limited 429 of r1 after 250ms",
        ),
        (
            vec![
                ("date", "Thu, 26 Nov 2026 09:00:00 GMT"),
                ("retry-after", "Thu, 26 Nov 2026 09:00:07 GMT"),
            ],
            "rate-limited 429 of r1 after 7s",
        ),
        (
            vec![
                ("date", "Thu, 26 Nov 2026 09:00:00 GMT"),
                ("retry-after", "Thu, 26 Nov 2026 08:00:00 GMT"),
            ],
            "rate-limited 429 of r1 after 0ns",
        ),
        (vec![("retry-after", "soon")], "rate-limited 429 of r1"),
        (vec![("retry-after", "-1")], "rate-limited 429 of r1"),
        (vec![], "rate-limited 429 of r1"),
    ] {
        let reply = Reply::json("").status(429);
        let reply = headers
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.header(name, value));
        check(reply, expected).await;
    }
}

#[tokio::test]
async fn an_error_tells_its_model_and_the_beginning_of_its_body() {
    let server = Server::start([Reply::json("x".repeat(5000)).status(500)]).await;
    let error = server.model().generate("hi").await.unwrap_err();
    assert_eq!(error.model.as_deref(), Some("m"));
    assert_eq!(error.body.map(|body| body.len()), Some(2048));
}

#[tokio::test]
async fn nobody_there_is_an_error_of_the_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let url = format!("http://{}/v1", listener.local_addr().expect("it has one"));
    drop(listener);
    let model = superstep_providers::OpenAi::new("m")
        .base_url(&url)
        .attempts(1)
        .build();
    let error = model
        .expect("it can be built")
        .generate("hi")
        .await
        .unwrap_err();
    assert_eq!(show_error(&error), "transport");
    assert!(!format!("{error:?}").contains("/v1"), "{error:?}");
}

#[tokio::test]
async fn a_broken_connection_is_an_error_of_it() {
    let reply = Reply::json(r#"{"choices":[{"message":"#).then_breaks();
    same("whole", &asked(reply).await, "transport 200");
}

#[tokio::test]
async fn how_long_to_wait_counts_where_an_error_comes_as_an_answer() {
    for (error, expected) in [
        (
            r#"{"error":{"message":"gone","code":502}}"#,
            "overloaded 200 `502` after 7s: gone",
        ),
        (
            r#"{"error":{"message":"slow","code":429}}"#,
            "rate-limited 200 `429` after 7s: slow",
        ),
        (
            r#"{"error":{"message":"bad","code":400}}"#,
            "bad-request 200 `400`: bad",
        ),
    ] {
        let reply = Reply::json(error).header("retry-after", 7);
        same(error, &asked(reply).await, expected);
        let reply = Reply::events(&[error]).header("retry-after", 7);
        same(error, &streamed(reply).await, expected);
    }
}
