//! A plan whose steps others take.

use std::time::Duration;

use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{
    Approval, Delegate, Graph, MemoryCheckpointer, PlanError, Project, Reply, RunError,
    ScriptedModel, Status, Toolbox, plan_and_execute, react_agent, tool,
};
use tokio::time::{Instant, sleep};

use crate::common::graph;

/// Takes as many seconds as the task says, and fails if that is no number.
fn sleeper() -> Delegate {
    Delegate::function("sleep", "Sleeps.", |task: String, _| async move {
        let first = task.lines().next().unwrap_or_default();
        let seconds: u64 = first.parse()?;
        sleep(Duration::from_secs(seconds)).await;
        NodeResult::Ok(format!("slept {seconds} s"))
    })
}

fn step(id: &str, task: &str, needs: &[&str]) -> Value {
    json!({ "id": id, "task": task, "needs": needs })
}

fn steps(steps: impl IntoIterator<Item = Value>) -> Reply {
    let steps: Vec<_> = steps.into_iter().collect();
    Reply::from(json!({ "steps": steps }))
}

fn answer(text: &str) -> Reply {
    Reply::from(json!({ "answer": text }))
}

/// Two steps at once, then two that need the first, or both.
fn diamond() -> ScriptedModel {
    let plan = [
        step("z", "2", &[]),
        step("a", "1", &[]),
        step("m", "3", &["z"]),
        step("b", "1", &["z", "a"]),
    ];
    let model = ScriptedModel::new().on("What was done", answer("Awake."));
    model.on("rest", steps(plan))
}

fn compiled(model: &ScriptedModel) -> Graph<Project> {
    let graph = plan_and_execute(model.model(), sleeper()).build();
    let graph = graph.expect("the agent is sound");
    graph.compile().expect("the graph is sound")
}

#[tokio::test(start_paused = true)]
async fn steps_that_do_not_need_each_other_are_taken_at_once() {
    let start = Instant::now();
    let graph = compiled(&diamond());
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    let transcript = graph.invoke(Project::reach("rest")).transcript().await;
    insta::assert_snapshot!(transcript);
    assert_eq!(start.elapsed(), Duration::from_secs(2 + 3));
}

#[tokio::test(start_paused = true)]
async fn whatever_ends_first_the_model_reads_the_same() {
    let graph = compiled(&diamond());
    explore(&graph, Project::reach("rest"))
        .orders(20)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_step_is_told_of_the_goal_and_of_what_it_needs() {
    let executor = ScriptedModel::new().otherwise(Reply::with(|request| {
        format!(
            "about {}",
            request.messages[0]
                .text()
                .lines()
                .next()
                .unwrap_or_default()
        )
    }));
    let agent = graph(react_agent(executor.model(), Toolbox::new()));
    let agent = Delegate::new("work", "", agent);
    let graph = plan_and_execute(diamond().model(), agent).build().unwrap();
    graph
        .compile()
        .unwrap()
        .invoke(Project::reach("rest"))
        .await
        .unwrap();
    let told = executor
        .calls()
        .into_iter()
        .map(|asked| asked.request.messages[0].text());
    let told: Vec<_> = told.collect();
    assert_eq!(told[0], "2\n\nIt is a step towards: rest");
    assert_eq!(
        told[3],
        "1\n\nIt is a step towards: rest\n\n\
         What came of the steps before:\n- 2: about 2\n- 1: about 1"
    );
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_told_to_the_model_which_plans_on() {
    let model = ScriptedModel::new()
        .on("`again` (1) done", answer("Awake."))
        .on("What was done", steps([step("again", "1", &[])]))
        .on(
            "rest",
            steps([
                step("bad", "soon", &[]),
                step("good", "1", &[]),
                step("late", "1", &["bad"]),
                step("later", "1", &["late"]),
            ]),
        );
    let run = compiled(&model)
        .invoke(Project::reach("rest"))
        .await
        .unwrap();
    assert_eq!(run.state.answer.as_deref(), Some("Awake."));
    assert_eq!(run.state.round, 2);
    let outcomes = run.state.outcomes.iter();
    let outcomes: Vec<_> = outcomes
        .map(|came| (came.round, &*came.id, came.failed))
        .collect();
    assert_eq!(
        outcomes,
        [(1, "bad", true), (1, "good", false), (2, "again", false)]
    );
    let asked = model.calls()[1].text();
    assert_eq!(
        asked,
        "The goal: rest\n\nWhat was done:\n\
         - `bad` (soon) failed: invalid digit found in string\n\
         - `good` (1) done: slept 1 s\n\n\
         Not done, since what they need failed: `late`, `later`\n\n\
         Answer if that is enough, else plan the steps that are missing."
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_may_need_what_was_done_in_a_round_before() {
    let model = ScriptedModel::new()
        .on("`more` (2) done", answer("Awake."))
        .on(
            "`bad`, which is no step",
            steps([step("more", "2", &["first"])]),
        )
        .on(
            "What was done",
            steps([step("more", "2", &["bad", "first"])]),
        )
        .on(
            "rest",
            steps([step("first", "1", &[]), step("bad", "soon", &[])]),
        );
    let agent = Delegate::function("tell", "Tells.", |task: String, _| async move {
        match task.starts_with("soon") {
            true => Err("not now".into()),
            false => NodeResult::Ok(task),
        }
    });
    let graph = plan_and_execute(model.model(), agent).build().unwrap();
    let graph = graph.compile().unwrap();
    let run = graph.invoke(Project::reach("rest")).await.unwrap();
    assert_eq!((run.state.round, model.calls().len()), (2, 4));
    assert_eq!(
        run.state.outcomes[2].report,
        "2\n\nIt is a step towards: rest\n\n\
         What came of the steps before:\n- 1: 1\n\nIt is a step towards: rest"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_does_not_wait_for_itself() {
    let model = ScriptedModel::new()
        .on("What was done", answer("Awake."))
        .on("needs itself", steps([step("a", "1", &[])]))
        .on("rest", steps([step("a", "1", &["a"])]));
    let run = compiled(&model).invoke(Project::reach("rest")).await;
    assert_eq!(run.unwrap().state.outcomes.len(), 1);
    assert_eq!(
        model.calls()[1].text(),
        "That plan cannot be followed: `a` needs itself. Plan again."
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_followed_is_sent_back() {
    let model = ScriptedModel::new()
        .on("What was done", answer("Awake."))
        .on("wait for each other", steps([step("a", "1", &[])]))
        .on(
            "two steps are called `a`; `a` needs `b`, which is no step",
            steps([
                step("a", "1", &["b"]),
                step("b", "1", &["a"]),
                step("c", "1", &[]),
            ]),
        )
        .on("rest", steps([step("a", "1", &["b"]), step("a", "1", &[])]));
    let run = compiled(&model)
        .invoke(Project::reach("rest"))
        .await
        .unwrap();
    assert_eq!(run.state.outcomes.len(), 1);
    let complaint = &model.calls()[2].text();
    assert_eq!(
        complaint,
        "That plan cannot be followed: `a`, `b` wait for each other. Plan again."
    );
}

#[tokio::test]
async fn a_model_that_cannot_plan_fails_the_run() {
    let model = ScriptedModel::new().otherwise(steps([]));
    let error = compiled(&model)
        .invoke(Project::reach("rest"))
        .await
        .unwrap_err();
    let RunError::Node { node, source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(node.to_string(), "plan");
    let error = source.downcast_ref::<PlanError>().unwrap();
    assert_eq!(
        error.to_string(),
        "after 3 attempt(s) there is no plan that can be followed: there is no step"
    );
}

#[tokio::test(start_paused = true)]
async fn steps_are_bounded() {
    let many = (0..4).map(|n| step(&n.to_string(), "1", &[]));
    let model = ScriptedModel::new()
        .on("What was done", answer("Awake."))
        .on(
            "there are 4 steps, and at most 3 are allowed",
            steps([step("one", "1", &[])]),
        )
        .on("rest", steps(many));
    let graph = plan_and_execute(model.model(), sleeper())
        .max_steps(3)
        .build()
        .unwrap();
    let run = graph
        .compile()
        .unwrap()
        .invoke(Project::reach("rest"))
        .await
        .unwrap();
    assert_eq!(run.state.outcomes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rounds_are_bounded_and_the_last_has_to_answer() {
    let model = ScriptedModel::new()
        .on("Answer with what there is", "Tired.")
        .otherwise(steps([step("a", "1", &[])]));
    let graph = plan_and_execute(model.model(), sleeper())
        .max_iterations(3)
        .build()
        .unwrap();
    let run = graph
        .compile()
        .unwrap()
        .invoke(Project::reach("rest"))
        .await
        .unwrap();
    assert_eq!(run.state.answer.as_deref(), Some("Tired."));
    assert_eq!((run.state.round, run.state.outcomes.len()), (3, 3));
    assert_eq!(model.calls().len(), 4);
}

#[tokio::test]
async fn a_fatal_executor_fails_the_run() {
    let model = ScriptedModel::new().otherwise(steps([step("a", "soon", &[])]));
    let graph = plan_and_execute(model.model(), sleeper().fatal())
        .build()
        .unwrap();
    let error = graph
        .compile()
        .unwrap()
        .invoke(Project::reach("rest"))
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Node { .. }), "{error:?}");
}

/// Pays.
#[tool(approve)]
async fn pay() -> &'static str {
    "paid"
}

#[tokio::test]
async fn a_question_in_a_step_pauses_the_thread() {
    let executor = ScriptedModel::new()
        .on_result("pay", "It is paid.")
        .on("go\n", "Done.")
        .on("pay", Reply::call("pay", json!({})))
        .otherwise("Done.");
    let agent = graph(react_agent(executor.model(), Toolbox::new().add(pay)));
    let model = ScriptedModel::new()
        .on("What was done", answer("Good."))
        .on(
            "buy",
            steps([
                step("a", "pay", &[]),
                step("b", "look", &[]),
                step("c", "go", &["a"]),
            ]),
        );
    let graph = plan_and_execute(model.model(), Delegate::new("work", "", agent))
        .build()
        .unwrap();
    let graph = graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let run = graph
        .invoke(Project::reach("buy"))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let run = graph.resume(Approval::Yes).thread("t").await.unwrap();
    let reports: Vec<_> = run
        .state
        .outcomes
        .iter()
        .map(|came| &*came.report)
        .collect();
    assert_eq!(reports, ["It is paid.", "Done.", "Done."]);

    // What is asked next on the thread begins from nothing: only `b` is done again.
    let run = graph
        .invoke(Project::reach("buy"))
        .thread("t")
        .await
        .unwrap();
    let done: Vec<_> = run.state.outcomes.iter().map(|came| &*came.id).collect();
    assert_eq!(
        (run.state.round, &*done, run.state.answer),
        (1, &["b"][..], None)
    );
}

#[tokio::test(start_paused = true)]
async fn nodes_can_be_added_behind_the_answer() {
    let graph = plan_and_execute(diamond().model(), sleeper())
        .build()
        .unwrap();
    let graph = graph
        .add_node("note", async |project: View<Project>| {
            Project::update().goal(format!("{} (reached)", project.goal))
        })
        .add_edge("answer", "note")
        .compile()
        .unwrap();
    let run = graph.invoke(Project::reach("rest")).await.unwrap();
    assert_eq!(run.state.goal, "rest (reached)");
}

#[tokio::test(start_paused = true)]
async fn what_a_model_refuses_for_good_is_not_planned_again() {
    let model = ScriptedModel::new().otherwise(superstep::ModelErrorKind::Auth);
    let agent = plan_and_execute(model.model(), sleeper()).model_retry(Retry::attempts(3));
    let graph = agent.build().unwrap().compile().unwrap();
    graph.invoke(Project::reach("rest")).await.unwrap_err();
    assert_eq!(model.calls().len(), 1);
    let asks = model.model();
    let delegate = Delegate::function("ask", "Asks.", move |task, _| {
        let model = asks.clone();
        async move { model.ask(task).await }
    });
    let lead = ScriptedModel::new().on("What was done", answer("Nothing."));
    let lead = lead.otherwise(steps([step("a", "ask", &[])]));
    let agent = plan_and_execute(lead.model(), delegate.retry(Retry::attempts(3)));
    let graph = agent.build().unwrap().compile().unwrap();
    graph.invoke(Project::reach("rest")).await.unwrap();
    assert_eq!(model.calls().len(), 2);
}
