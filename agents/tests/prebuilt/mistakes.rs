//! What is wrong with agents that are put together is told all at once.

use superstep::prelude::*;
use superstep::{
    Delegate, PatternError, ScriptedModel, Toolbox, plan_and_execute, react_agent, supervisor,
    swarm,
};

use crate::common::add;

fn model() -> superstep::Model {
    ScriptedModel::new().model()
}

fn agent(name: &'static str) -> Delegate {
    Delegate::function(name, "", |task: String, _| async { NodeResult::Ok(task) })
}

/// The mistakes, without the places in them.
fn mistakes<T>(graph: Result<T, PatternError>) -> Vec<String> {
    let error = graph.err().expect("there are mistakes");
    let texts = error.mistakes().iter();
    let texts = texts.map(|text| text.split(", added at").next().unwrap_or(text).to_owned());
    texts.collect()
}

#[test]
fn the_names_of_a_team_are_its_own() {
    let agents = ["ann", "tools", "ann", "not a name"].map(agent);
    assert_eq!(
        mistakes(supervisor(model(), agents).build()),
        [
            "no agent can be called `tools`, which is a node of the graph around it",
            "two agents are called `ann`",
            "two tools are called `ann`",
            "`not a name`",
        ]
    );
    let none: [Delegate; 0] = [];
    assert_eq!(
        mistakes(supervisor(model(), none).build()),
        ["there is no agent"]
    );
}

#[test]
fn the_names_of_a_swarm_are_its_own() {
    let agent = |name: &str| react_agent::<(), _>(model(), Toolbox::new().add(add)).named(name);
    assert_eq!(
        mistakes(swarm([agent("answer"), agent("bob"), agent("bob")], "carl").build()),
        [
            "no agent can be called `answer`, which is a node of the graph around it",
            "two agents are called `bob`",
            "`carl`, who is to begin, is none of the agents",
        ]
    );
}

#[test]
fn whoever_takes_steps_has_a_name_of_its_own() {
    assert_eq!(
        mistakes(plan_and_execute(model(), agent("progress")).build()),
        ["no agent can be called `progress`, which is a node of the graph around it"]
    );
}

#[test]
fn the_place_is_that_of_the_call() {
    let error = supervisor(model(), [agent("not a name")])
        .build()
        .unwrap_err();
    assert!(error.to_string().contains(file!()), "{error}");
}
