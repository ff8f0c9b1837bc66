//! Agents that are drawn: those of all kinds, from outside and with what is inside.

use superstep::{
    CustomAgent, Graph, LlmAgent, LoopAgent, Model, ParallelAgent, SequentialAgent, Session,
    TestModel, Toolbox, View, tool,
};

use crate::common::graph;

/// Finds what is asked for.
#[tool]
async fn look_up(word: String) -> String {
    word
}

/// Two look things up at once, a desk hands on, and a loop mends what is written.
fn agency() -> Graph<Session> {
    let looks = ["news", "prices"].map(|name| {
        let tools = Toolbox::new().add(look_up);
        LlmAgent::new(name).tools(tools).output_key(name)
    });
    let desk = LlmAgent::new("desk")
        .agent_tools([LlmAgent::new("archive")])
        .sub_agents([LlmAgent::new("billing")]);
    let mends = LoopAgent::new(
        "mend",
        (
            LlmAgent::new("write").output_key("text"),
            LlmAgent::new("judge").can_exit_loop(),
        ),
    );
    let prints = CustomAgent::new("print", async |_: View<Session>| ());
    let all = SequentialAgent::new(
        "agency",
        (ParallelAgent::new("look", looks), desk, mends, prints),
    );
    graph(all.model(Model::new(TestModel::new())).build())
}

#[test]
fn agents_are_drawn_as_the_nodes_that_they_are() {
    insta::assert_snapshot!(agency().to_mermaid());
}

#[test]
fn what_is_inside_is_drawn_as_deep_as_it_goes() {
    insta::assert_snapshot!(agency().xray().to_mermaid());
}
