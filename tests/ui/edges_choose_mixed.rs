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

const REVIEW: Worker<String> = Worker::new("review");

fn main() {
    let _ = StateGraph::<Research>::new("research").add_conditional_edges(
        "plan",
        |state: &Research| vec![REVIEW.send(state.topic.clone()), "search"],
        ["search", "review"],
    );
}
