//! The node that runs calls.

use superstep::{Message, Part, Role, Status, ToolCtx, Toolbox, Usage, tool};

use crate::common::{Chat, asks, call, graph, results};

/// Says the same.
#[tool]
async fn echo(text: String) -> String {
    text
}

fn said(id: &str) -> Part {
    Part::ToolCall(call(id, "echo", &format!(r#"{{"text": "{id}"}}"#)))
}

#[tokio::test]
async fn only_what_was_said_last_is_run() {
    let asks = |ids: &[&str]| {
        let parts = ids.iter().map(|id| said(id));
        parts.fold(Message::new(Role::Assistant), Message::part)
    };
    let answered = Message::tool(call("b", "echo", "").result("already"));
    let messages = [
        asks(&["old"]),
        Message::user("go on"),
        asks(&["a", "b", "c"]),
        answered,
    ];
    let graph = graph(Toolbox::<(), Chat>::new().add(echo));
    let run = graph
        .invoke(Chat::update().messages(messages))
        .await
        .unwrap();
    assert_eq!(results(&run.state), ["b: already", "a: a", "c: c"]);
    let added = &run.state.messages[4..];
    assert!(added.iter().all(|message| message.role == Role::Tool));
    assert_eq!(added.len(), 2);
}

#[tokio::test]
async fn without_calls_nothing_is_added() {
    let graph = graph(Toolbox::<(), Chat>::new().add(echo));
    for input in [
        Chat::update(),
        Chat::update().messages(Message::user("hi")),
        asks([]),
    ] {
        let run = graph.invoke(input).await.unwrap();
        assert_eq!(run.status, Status::Done);
        assert!(results(&run.state).is_empty());
    }
}

#[derive(serde::Serialize, Debug, PartialEq)]
struct Percent(u8);

/// Tells how far it is.
#[tool]
async fn download(ctx: ToolCtx<()>) -> Result<String, superstep::EmitError> {
    ctx.emit(Percent(50))?.await;
    if let Some(task) = superstep::CurrentTask::get() {
        task.used(Usage::new().tokens(3));
    }
    Ok(ctx.node().node().to_string())
}

#[tokio::test]
async fn tools_tell_of_themselves_as_the_node_does() {
    let graph = graph(Toolbox::<(), Chat>::new().add(download));
    let events = graph.invoke(asks([("1", "download", "")])).stream();
    let mut events = events.custom::<Percent>();
    let mut percents = Vec::new();
    while let Some(event) = events.next().await {
        percents.extend(event.custom::<Percent>().map(|percent| percent.0));
    }
    assert_eq!(percents, [50]);
    let run = events.finish().await.unwrap();
    assert_eq!(results(&run.state), ["1: tools"]);
    assert_eq!(run.usage().of("tools").tokens, 3);
}
