//! The tools that servers have.

use serde_json::json;
use superstep::Tool;
use superstep_agents::{McpError, McpServer};

use crate::common::{call, toolbox};
use crate::server::start;

async fn names(server: &McpServer) -> Vec<String> {
    let tools: Vec<Tool> = server.tools().await.expect("it has tools");
    tools.iter().map(|tool| tool.spec().name.clone()).collect()
}

async fn mistakes(server: &McpServer) -> Vec<String> {
    match server.tools::<(), ()>().await {
        Err(McpError::Tools { mistakes, .. }) => mistakes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_model_is_told_what_the_server_says() {
    let server = start("")
        .only(["echo", "env"])
        .prefix("my_")
        .await
        .expect("it starts");
    assert_eq!(server.name(), "bench");
    assert_eq!(server.instructions().as_deref(), Some("Ask for little."));
    let toolbox = toolbox(&server).await;
    let specs = toolbox.specs();
    assert_eq!(specs.len(), 2);
    assert_eq!(specs[0].name, "my_echo");
    assert_eq!(specs[0].description, "Says the same.");
    assert_eq!(
        specs[0].parameters,
        json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "What to say." } },
            "required": ["text"],
        })
    );
    // A title stands for a description that is not there.
    assert_eq!(specs[1].description, "The env.");
    assert_eq!(
        specs[1].parameters,
        json!({ "type": "object", "properties": {} })
    );
    assert_eq!(
        call(&toolbox, "my_echo", json!({ "text": "hi" })).await,
        "hi"
    );
}

#[tokio::test]
async fn tools_can_be_left_out() {
    let without = [
        "answer",
        "cancelled",
        "die",
        "env",
        "finish",
        "grow",
        "hang",
        "long",
    ];
    let server = start("").without(without).await.expect("it starts");
    assert_eq!(names(&server).await, ["echo", "refuse", "step", "work"]);
}

#[tokio::test]
async fn all_that_is_wrong_with_tools_is_told_at_once() {
    let server = start("bad").only(["echo", "none", "text", "list", "odd", "ecko"]);
    let server = server.without(["more"]).await.expect("it starts");
    assert_eq!(
        mistakes(&server).await,
        [
            "of `none`, there is no schema",
            "of `text`, the schema is no object, but `\"an object\"`",
            "of `list`, the schema is not of an object, but of `\"array\"`",
            "of `odd`, the schema's properties are `[]`",
            "one has no name: `{\"description\":\"Has no name.\",\"inputSchema\":{}}`",
            "there is no `ecko`, but `echo`, `list`, `none`, `odd`, `text`",
            "there is no `more`, but `echo`, `list`, `none`, `odd`, `text`",
        ]
    );
}

#[tokio::test]
async fn two_tools_of_one_name_are_a_mistake_unless_left_out() {
    let server = start("twins").await.expect("it starts");
    assert_eq!(mistakes(&server).await, ["two are called `echo`"]);
    let server = start("twins").without(["echo"]).await.expect("it starts");
    assert_eq!(names(&server).await, ["fail"]);
}

#[tokio::test]
async fn all_pages_are_read_if_there_is_an_end() {
    let server = start("pages").await.expect("it starts");
    assert_eq!(names(&server).await, ["one", "two", "three"]);
    let server = start("endless").await.expect("it starts");
    let error = server.tools::<(), ()>().await.expect_err("there is no end");
    assert_eq!(
        error.to_string(),
        "the server `bench` does not speak MCP as it should: its list of tools has more than 100 \
         pages"
    );
}

#[tokio::test]
async fn names_are_such_as_providers_take() {
    let server = start("odd names").await.expect("it starts");
    assert_eq!(names(&server).await, ["admin_tools_list"]);
}

#[tokio::test]
async fn a_list_that_has_changed_is_read_again() {
    let server = start("grows").await.expect("it starts");
    let before = toolbox(&server).await;
    assert_eq!(call(&before, "grow", json!({})).await, "more");
    assert_eq!(names(&server).await, ["grow", "echo"]);
}
