//! Limits in time, each of its phase, against servers that do not answer.

use std::time::Duration;

use superstep_providers::OpenAi;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::kit::{Reply, Server, show};

const TEXT: &str = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_answer_that_does_not_begin() {
    let expected = "timeout FirstByte";
    let server = Server::start([Reply::never(), Reply::never()]).await;
    let model = server.openai().attempts(1).first_byte_timeout(SHORT);
    let model = model.build().expect("it can be built");
    assert_eq!(show(model.generate("hi").await), expected);
    assert_eq!(show(model.stream("hi").finish().await), expected);
}

#[tokio::test]
async fn a_head_without_a_body_is_no_beginning() {
    let server = Server::start([Reply::events(&[]).then_hangs()]).await;
    let model = server.openai().attempts(1).first_byte_timeout(SHORT);
    let model = model.build().expect("it can be built");
    let answered = model.stream("hi").finish().await;
    assert_eq!(show(answered), "timeout FirstByte 200");
}

#[tokio::test]
async fn an_answer_that_stops_coming() {
    let expected = "timeout Idle 200";
    let half = Reply::json(r#"{"choices":"#).then_hangs();
    let server = Server::start([half, Reply::events(&[TEXT]).then_hangs()]).await;
    let model = server.openai().attempts(1).idle_timeout(SHORT);
    let model = model.build().expect("it can be built");
    assert_eq!(show(model.generate("hi").await), expected);
    assert_eq!(show(model.stream("hi").finish().await), expected);
}

#[tokio::test]
async fn an_error_whose_body_stops_coming_is_told_all_the_same() {
    let server = Server::start([Reply::json("slow down").status(429).then_hangs()]).await;
    let model = server.openai().attempts(1).idle_timeout(SHORT);
    let model = model.build().expect("it can be built");
    let expected = "rate-limited 429: slow down";
    assert_eq!(show(model.generate("hi").await), expected);
}

#[tokio::test]
async fn all_of_it_bounds_attempts_and_streams() {
    let replies = [Reply::never(), Reply::events(&[TEXT]).then_hangs()];
    let server = Server::start(replies).await;
    let model = server.openai().total_timeout(SHORT);
    let model = model.build().expect("it can be built");
    assert_eq!(show(model.generate("hi").await), "timeout Total");
    let streamed = show(model.stream("hi").finish().await);
    assert!(streamed.starts_with("timeout Total"), "{streamed}");
    assert_eq!(server.n_seen(), 2);
    let long = Duration::from_secs(50);
    let limited = Reply::json("")
        .status(429)
        .header("retry-after", long.as_secs());
    let server = Server::start([limited]).await;
    let model = server.openai().total_timeout(SHORT);
    let model = model.build().expect("it can be built");
    assert_eq!(show(model.generate("hi").await), "timeout Total");
}

#[tokio::test]
async fn what_does_not_begin_is_tried_again() {
    let hello = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;
    let server = Server::start([Reply::never(), Reply::json(hello)]).await;
    let model = server.openai().first_byte_timeout(6 * SHORT);
    let model = model.build().expect("it can be built");
    assert_eq!(model.ask("hi").await.expect("it answers"), "Hello");
}

#[tokio::test]
async fn no_limit_is_one_that_never_comes() {
    let hello = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;
    let server = Server::start([Reply::json(hello)]).await;
    let model = server
        .openai()
        .connect_timeout(Duration::MAX)
        .first_byte_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .total_timeout(Duration::MAX);
    let model = model.build().expect("it can be built");
    assert_eq!(model.ask("hi").await.expect("it answers"), "Hello");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached() {
    // Of those who knock, it lets in few, and nobody lets them in here.
    let socket = TcpSocket::new_v4().expect("there are sockets");
    let any = "127.0.0.1:0".parse().expect("it is an address");
    socket.bind(any).expect("a port is free");
    let listener = socket.listen(1).expect("it can listen");
    let address = listener.local_addr().expect("it has one");
    let mut before = Vec::new();
    while let Ok(knock) = timeout(SHORT, TcpStream::connect(address)).await {
        before.push(knock.expect("it is there"));
    }
    let model = OpenAi::new("m").base_url(format!("http://{address}/v1"));
    let model = model.attempts(1).connect_timeout(SHORT).build();
    let model = model.expect("it can be built");
    assert_eq!(show(model.generate("hi").await), "timeout Connect");
    let streamed = model.stream("hi").finish().await;
    assert_eq!(show(streamed), "timeout Connect");
}
