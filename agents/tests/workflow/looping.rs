//! Loops, and who ends them.

use superstep::prelude::*;
use superstep::{
    Change, CustomAgent, Escalate, LlmAgent, LoopAgent, MemoryCheckpointer, ParallelAgent, Reply,
    ScriptedModel, SequentialAgent, Session, SessionUpdate, Toolbox,
};

use crate::common::{beside, chain, graph, lines, said, systems};

/// Adds to a key, and escalates when it has reached so much.
fn counts(name: &'static str, until: Option<(i64, Escalate)>) -> CustomAgent {
    let agent = CustomAgent::new(name, move |session: View<Session>| {
        let now = 1 + session.get::<i64>(name).unwrap_or_default();
        let update = Session::update().values(Change::add(name, 1));
        let escalation = until.clone().filter(|(most, _)| now % most == 0);
        std::future::ready(match escalation {
            None => update,
            Some((_, scope)) => also(update, Session::escalate(scope)),
        })
    });
    agent.adds([name])
}

fn also(mut update: SessionUpdate, more: SessionUpdate) -> SessionUpdate {
    superstep::Update::extend(&mut update, more);
    update
}

async fn counted(agent: LoopAgent, names: &[&str]) -> Vec<Option<i64>> {
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let state = run.expect("it runs").state;
    names.iter().map(|name| state.get(name)).collect()
}

#[tokio::test]
async fn a_loop_ends_after_so_many_rounds() {
    let agents = || [counts("a", None), counts("b", None)];
    let three = LoopAgent::new("three", agents()).max_iterations(3);
    assert_eq!(counted(three, &["a", "b"]).await, [Some(3), Some(3)]);
    let ten = LoopAgent::new("ten", agents());
    assert_eq!(counted(ten, &["a", "b"]).await, [Some(10), Some(10)]);
    let many = LoopAgent::new("many", agents()).max_iterations(700); // more than 1000 supersteps
    assert_eq!(counted(many, &["a"]).await, [Some(700)]);
}

#[tokio::test]
async fn who_escalates_ends_the_round_at_once() {
    let agents = [counts("a", Some((2, Escalate::Loop))), counts("b", None)];
    let agent = LoopAgent::new("all", agents);
    assert_eq!(counted(agent, &["a", "b"]).await, [Some(2), Some(1)]);
}

fn nested(scope: Escalate) -> LoopAgent {
    let inner = LoopAgent::new("inner", [counts("a", Some((2, scope))), counts("b", None)]);
    LoopAgent::new("outer", (inner, counts("c", None))).max_iterations(3)
}

#[tokio::test]
async fn an_inner_loop_ends_alone_unless_it_says_otherwise() {
    let names = ["a", "b", "c"];
    let inner = counted(nested(Escalate::Loop), &names).await;
    assert_eq!(inner, [Some(6), Some(3), Some(3)]);
    let named = counted(nested(Escalate::Named("inner".into())), &names).await;
    assert_eq!(named, inner);
    let outer = counted(nested(Escalate::Named("outer".into())), &names).await;
    assert_eq!(outer, [Some(2), Some(1), None]);
    assert_eq!(counted(nested(Escalate::All), &names).await, outer);
}

#[tokio::test]
async fn a_loop_that_is_none_cannot_be_ended() {
    let fails = async |agent: LoopAgent| {
        let run = graph(agent.build()).invoke(Session::ask("go")).await;
        chain(&run.expect_err("there is no such loop")).join(": ")
    };
    let why = "there is no loop `ghost` to end here, but `inner`, `outer`";
    let ghost = || Escalate::Named("ghost".into());
    let error = fails(nested(ghost())).await;
    assert!(error.contains(why), "{error}");
    // Nor from a branch, which knows the loops around it.
    let inner = |scope| LoopAgent::new("inner", [counts("a", Some((1, scope)))]);
    let outer = |scope| {
        let both = ParallelAgent::new("both", (inner(scope), counts("b", None)));
        LoopAgent::new("outer", (both, counts("c", None))).max_iterations(3)
    };
    let error = fails(outer(ghost())).await;
    assert!(error.contains(why), "{error}");
    let named = counted(outer(Escalate::Named("outer".into())), &["a", "b", "c"]).await;
    assert_eq!(named, [Some(1), Some(1), None]);
}

#[tokio::test]
async fn before_a_loop_there_is_none_to_end() {
    let fails = async |scope| {
        let later = LoopAgent::new("later", [counts("b", None)]);
        let all = SequentialAgent::new("all", (counts("a", Some((1, scope))), later));
        let run = graph(all.build()).invoke(Session::ask("go")).await;
        run.err().map(|error| chain(&error).join(": "))
    };
    let named = fails(Escalate::Named("later".into())).await;
    let named = named.expect("it has not begun");
    let why = "there is no loop `later` to end before `later`";
    assert!(named.contains(why), "{named}");
    let any = fails(Escalate::Loop).await.expect("there is none");
    assert!(
        any.ends_with("there is no loop to end before `later`"),
        "{any}"
    );
    // All may be none.
    assert_eq!(fails(Escalate::All).await, None);
}

#[tokio::test]
async fn a_sequence_in_a_loop_is_left_too() {
    let sequence = SequentialAgent::new(
        "pair",
        [counts("a", Some((1, Escalate::Loop))), counts("b", None)],
    );
    let agent = LoopAgent::new("all", (sequence, counts("c", None)));
    assert_eq!(
        counted(agent, &["a", "b", "c"]).await,
        [Some(1), None, None]
    );
}

#[tokio::test]
async fn a_branch_that_escalates_lets_its_siblings_end() {
    let both = [counts("a", Some((2, Escalate::Loop))), counts("b", None)];
    let agent = LoopAgent::new("all", (ParallelAgent::new("both", both), counts("c", None)));
    assert_eq!(
        counted(agent, &["a", "b", "c"]).await,
        [Some(2), Some(2), Some(1)]
    );
}

#[tokio::test]
async fn of_branches_that_escalate_each_ends_the_loops_that_it_means() {
    let escalates = |inner: &'static str, outer: &'static str| {
        let ends = |name, of: &str| counts(name, Some((1, Escalate::Named(of.into()))));
        let both = ParallelAgent::new("both", [ends("a", inner), ends("b", outer)]);
        let within = LoopAgent::new(inner, (both, counts("c", None)));
        LoopAgent::new(outer, (within, counts("d", None))).max_iterations(3)
    };
    let names = ["a", "b", "c", "d"];
    let once = [Some(1), Some(1), None, None];
    // Whatever they are called.
    assert_eq!(counted(escalates("x", "y"), &names).await, once);
    assert_eq!(counted(escalates("y", "x"), &names).await, once);
}

#[tokio::test]
async fn a_condition_ends_it_after_a_round() {
    let agent = LoopAgent::new("all", [counts("a", None), counts("b", None)])
        .until(|session| session.get("a") == Some(4));
    assert_eq!(counted(agent, &["a", "b"]).await, [Some(4), Some(4)]);
}

#[tokio::test]
async fn a_model_ends_it_by_a_tool() {
    let model = ScriptedModel::new()
        .on_node(
            "critic",
            [
                Reply::from("too long"),
                Reply::call("exit_loop", serde_json::json!({})),
            ],
        )
        .on_node("writer", "a text");
    let agents = [
        LlmAgent::new("critic").can_exit_loop(),
        LlmAgent::new("writer").output_key("text"),
    ];
    let agent = LoopAgent::new("refine", agents).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("go")).await;
    let said = said(&run.expect("it runs").state);
    assert_eq!(
        said[1..],
        [
            "assistant (critic): too long",
            "assistant (writer): a text",
            "assistant (critic): exit_loop({})",
            "tool (critic): exit_loop -> the loop ends"
        ]
    );
}

/// What is known of a draft where a writer has said that, one after another.
async fn published(writer: LlmAgent, said: Vec<Reply>) -> (Option<serde_json::Value>, String) {
    let model = ScriptedModel::new()
        .on_node("model", Reply::turns(said))
        .on_node("publish", "published");
    let refine = LoopAgent::new("refine", [writer.output_key("draft").can_exit_loop()]);
    let publish = LlmAgent::new("publish").instruction("Publish: {draft?}");
    let agent = SequentialAgent::new("all", (refine, publish)).model(model.model());
    let run = graph(agent.build()).invoke(Session::ask("write")).await;
    let draft = run.expect("it runs").state.get("draft");
    (draft, systems(&model, "publish").remove(0))
}

#[tokio::test]
async fn what_is_said_as_a_loop_ends_is_an_answer() {
    let none = || serde_json::json!({});
    let writer = || LlmAgent::new("writer");
    let ends = |text| beside(text, "exit_loop", &none());
    let (draft, read) = published(writer(), vec![Reply::from("v1"), ends("v2, final")]).await;
    assert_eq!(draft, Some("v2, final".into()));
    assert_eq!(read, "Publish: v2, final");
    let (draft, _) = published(writer(), vec![ends("the first is the last")]).await;
    assert_eq!(draft, Some("the first is the last".into()));
    // Who says nothing leaves what was said before.
    let exits = || Reply::call("exit_loop", none());
    let (draft, _) = published(writer(), vec![Reply::from("v1"), exits()]).await;
    assert_eq!(draft, Some("v1".into()));
    let (draft, _) = published(writer(), vec![Reply::from("v1"), ends("\n")]).await;
    assert_eq!(draft, Some("v1".into()));
    // Nor does it end with a call that is not made.
    let forbids = writer().before_tool(
        async |call: superstep::ToolCall, session: View<Session>, _: Ctx| {
            Ok(match session.messages.len() {
                2 => std::ops::ControlFlow::Break(call.result("not now")),
                _ => std::ops::ControlFlow::Continue(call),
            })
        },
    );
    assert_eq!(published(forbids, vec![ends("v1"), exits()]).await.0, None);
}

#[tokio::test]
async fn of_an_answer_of_a_type_what_is_said_as_a_loop_ends_is_kept_if_it_is_one() {
    let numbers = || LlmAgent::new("writer").output_schema::<Vec<u32>>();
    let ends = |text| beside(text, "exit_loop", &serde_json::json!({}));
    let (draft, _) = published(numbers(), vec![Reply::from("[1]"), ends("[1, 2]")]).await;
    assert_eq!(draft, Some(serde_json::json!([1, 2])));
    let (draft, _) = published(numbers(), vec![Reply::from("[1]"), ends("That is all.")]).await;
    assert_eq!(draft, Some(serde_json::json!([1])));
}

#[tokio::test]
async fn who_has_ended_a_loop_begins_anew_in_the_next_round_around_it() {
    let both = Reply::calls([
        ("exit_loop".to_owned(), serde_json::json!({})),
        ("look".to_owned(), serde_json::json!({})),
    ]);
    let model = ScriptedModel::new().otherwise(both);
    let critic = LlmAgent::new("critic")
        .tools(Toolbox::new().add(look))
        .can_exit_loop()
        .max_turns(2)
        .before_agent(async |session: View<Session>, _: Ctx| {
            // In the fifth round it says nothing else any more.
            Ok((session.get("n") == Some(4)).then(|| "enough".to_owned()))
        })
        .after_agent(async |text: String, _: View<Session>, _: Ctx| {
            Ok(Session::update().values(("said", text)))
        });
    let inner = LoopAgent::new("inner", [critic]).max_iterations(1);
    let outer = LoopAgent::new("outer", (inner, counts("n", None))).max_iterations(5);
    let run = graph(outer.model(model.model()).build())
        .invoke(Session::ask("go"))
        .await;
    let state = run.expect("it has turns enough").state;
    assert_eq!(state.get::<String>("said").as_deref(), Some("enough"));
    let calls = model.calls();
    assert_eq!(calls.len(), 4);
    let second = lines(&calls[1]);
    assert_eq!(
        second[1..],
        [
            "assistant (critic): exit_loop({}): look({})",
            "tool (critic): exit_loop -> the loop ends",
            "tool (critic): look -> nothing new",
            "user: Go on as you were instructed."
        ]
    );
}

/// Looks again.
#[superstep::tool]
async fn look() -> &'static str {
    "nothing new"
}

#[tokio::test]
async fn a_loop_whose_end_is_forbidden_goes_on() {
    let critic = [
        Reply::call("exit_loop", serde_json::json!({})),
        Reply::from("not yet"),
    ];
    let model = ScriptedModel::new().on_node("model", Reply::turns(critic));
    let critic = LlmAgent::new("critic").can_exit_loop().before_tool(
        async |call: superstep::ToolCall, _: View<Session>, _: Ctx| {
            Ok(std::ops::ControlFlow::Break(call.result("not now")))
        },
    );
    let agent = LoopAgent::new("refine", (critic, counts("n", None))).max_iterations(1);
    let run = graph(agent.model(model.model()).build())
        .invoke(Session::ask("go"))
        .await;
    let state = run.expect("it runs").state;
    assert_eq!(state.get("n"), Some(1), "{:#?}", said(&state));
}

#[tokio::test]
async fn an_agent_that_begins_again_is_told_to_go_on() {
    let model = ScriptedModel::new().otherwise(Reply::with(|request| {
        format!("after {} message(s)", request.messages.len())
    }));
    let agent = LoopAgent::new("twice", [LlmAgent::new("a")]).max_iterations(2);
    let run = graph(agent.model(model.model()).build())
        .invoke(Session::ask("go"))
        .await;
    run.expect("it runs");
    let last = model.calls()[1]
        .request
        .messages
        .last()
        .map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("user: Go on as you were instructed."));
}

#[tokio::test]
async fn each_run_on_a_thread_begins_to_count_anew() {
    let agent = LoopAgent::new("three", [counts("a", None)]).max_iterations(3);
    let graph = agent.build().expect("it is sound");
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound");
    for turn in 1..=3 {
        let run = graph
            .invoke(Session::update())
            .thread("ann")
            .await
            .expect("it runs");
        assert_eq!(run.state.get("a"), Some(3 * turn));
    }
}
