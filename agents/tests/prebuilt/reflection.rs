//! Drafts that are made again until they are good.

use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::{
    Draft, Graph, MemoryCheckpointer, ModelErrorKind, Reply, RunError, ScriptedModel, Verdict,
    criticize_with, draft_with, reflection,
};

/// Writes one letter more each time.
async fn longer(draft: View<Draft>, _: Ctx) -> NodeResult<String> {
    Ok(format!("{}x", draft.text))
}

/// Likes three letters.
async fn three(draft: View<Draft>, _: Ctx) -> NodeResult<Verdict> {
    Ok(match draft.text.len() {
        3 => Verdict::good(),
        n => Verdict::bad(format!("{n} letters")),
    })
}

fn compiled(max_iterations: u32) -> Graph<Draft> {
    let graph = reflection(longer, three, max_iterations).build().compile();
    graph.expect("the graph is sound")
}

#[tokio::test]
async fn drafts_are_made_until_one_is_good() {
    let transcript = compiled(9).invoke(Draft::of("three")).transcript().await;
    insta::assert_snapshot!(transcript);
}

#[tokio::test]
async fn rounds_are_bounded_and_the_last_draft_is_judged() {
    let run = compiled(2).invoke(Draft::of("three")).await.unwrap();
    let bad = Draft {
        task: "three".into(),
        text: "xx".into(),
        criticism: "2 letters".into(),
        accepted: false,
        rounds: 2,
    };
    assert_eq!(run.state, bad);
    let run = compiled(3).invoke(Draft::of("three")).await.unwrap();
    assert!(run.state.accepted);
    let run = compiled(0).invoke(Draft::of("three")).await.unwrap();
    assert_eq!(run.state.rounds, 1);
    // More than 1000 supersteps.
    let never = async |_: View<Draft>, _: Ctx| NodeResult::Ok(Verdict::bad("no"));
    let graph = reflection(longer, never, 501).build().compile().unwrap();
    let run = graph.invoke(Draft::of("three")).await.unwrap();
    assert_eq!(run.state.rounds, 501);
}

#[tokio::test]
async fn models_make_drafts_and_criticize_them() {
    let writer = ScriptedModel::new()
        .on("too long", "Short.")
        .on("a joke", "A very long joke.");
    let critic = ScriptedModel::new()
        .on("Short.", json!({ "accepted": true }))
        .otherwise(json!({ "accepted": false, "criticism": "too long" }));
    let graph = reflection(
        draft_with(writer.model(), "Be funny."),
        criticize_with(critic.model(), "Be strict."),
        5,
    );
    let graph: Graph<Draft> = graph.build().compile().unwrap();
    let run = graph.invoke(Draft::of("a joke")).await.unwrap();
    assert_eq!((&*run.state.text, run.state.rounds), ("Short.", 2));
    let asked = &writer.calls()[1].request.messages;
    let asked: Vec<_> = asked.iter().map(ToString::to_string).collect();
    assert_eq!(
        asked,
        [
            "system: Be funny.",
            "user: a joke",
            "assistant: A very long joke.",
            "user: That is not good yet: too long\n\nMake it again, all of it.",
        ]
    );
    assert_eq!(
        critic.calls()[0].text(),
        "The task:\na joke\n\nThe draft:\nA very long joke."
    );
}

#[tokio::test]
async fn a_failure_of_either_is_that_of_its_node() {
    let model = ScriptedModel::new().otherwise(Reply::overloaded());
    let graph = reflection(draft_with(model.model(), ""), three, 2)
        .build()
        .compile()
        .unwrap();
    let error = graph.invoke(Draft::of("three")).await.unwrap_err();
    assert!(matches!(&error, RunError::Node { node, .. } if node.as_str() == "generate"));
    let graph = reflection(longer, criticize_with(model.model(), ""), 2)
        .build()
        .compile()
        .unwrap();
    let error = graph.invoke(Draft::of("three")).await.unwrap_err();
    assert!(matches!(&error, RunError::Node { node, .. } if node.as_str() == "critique"));
}

#[tokio::test(start_paused = true)]
async fn either_is_tried_again_unless_it_would_fail_again() {
    let answer = [Reply::overloaded(), Reply::from("xxx")];
    let writer = ScriptedModel::new().otherwise(Reply::attempts(answer));
    let verdict = [Reply::never(), Reply::from(json!({ "accepted": true }))];
    let critic = ScriptedModel::new().otherwise(Reply::attempts(verdict));
    let agent = reflection(
        draft_with(writer.model(), ""),
        criticize_with(critic.model(), ""),
        2,
    )
    .named("writers")
    .retry(Retry::attempts(2))
    .timeout(Duration::from_secs(5));
    let graph = agent.build().compile().unwrap();
    assert_eq!(graph.name(), "writers");
    let run = graph.invoke(Draft::of("three")).await.unwrap();
    assert_eq!((run.state.accepted, run.state.rounds), (true, 1));
    assert_eq!((writer.calls().len(), critic.calls().len()), (2, 2));

    let model = ScriptedModel::new().otherwise(ModelErrorKind::Auth);
    let agent = reflection(draft_with(model.model(), ""), three, 2).retry(Retry::attempts(3));
    let graph = agent.build().compile().unwrap();
    graph.invoke(Draft::of("three")).await.unwrap_err();
    assert_eq!(model.calls().len(), 1);
}

#[tokio::test]
async fn a_thread_begins_anew_with_each_task() {
    let graph = reflection(longer, three, 9)
        .build()
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    for _ in 0..2 {
        let run = graph.invoke(Draft::of("three")).thread("t").await.unwrap();
        assert_eq!((&*run.state.text, run.state.rounds), ("xxx", 3));
    }
}

#[tokio::test]
async fn nodes_can_be_added_behind_the_answer() {
    let graph = reflection(longer, three, 9)
        .build()
        .add_node("shout", async |draft: View<Draft>| {
            Draft::update().text(draft.text.to_uppercase())
        })
        .add_edge("answer", "shout")
        .compile()
        .unwrap();
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    assert_eq!(
        graph.invoke(Draft::of("three")).await.unwrap().state.text,
        "XXX"
    );
}
