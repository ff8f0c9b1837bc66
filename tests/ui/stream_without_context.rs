use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    #[reduce(Append)]
    findings: Vec<String>,
    #[reduce(Sum)]
    tokens: u64,
}

struct Tools;

fn run(graph: superstep::Graph<Research, Tools>) -> superstep::Events<Research> {
    graph.invoke(Research::update().topic("space")).stream()
}

fn main() {
    let _ = run;
}
