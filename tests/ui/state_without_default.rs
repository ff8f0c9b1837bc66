use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Serialize, Deserialize)]
struct Research {
    topic: String,
}

async fn summarize(state: View<Research>) -> ResearchUpdate {
    Research::update().topic(state.topic.clone())
}


fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
