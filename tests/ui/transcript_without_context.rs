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

async fn run(graph: superstep::Graph<Research, Tools>) -> superstep::Transcript {
    graph.invoke(Research::update().topic("space")).transcript().await
}

fn main() {
    let _ = run;
}
