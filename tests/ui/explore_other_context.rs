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

struct Other;

async fn run(graph: superstep::Graph<Research, Tools>) {
    let exploration = superstep::testing::explore(&graph, Research::update());
    let _ = exploration.context(Other).await;
}

fn main() {
    let _ = run;
}
