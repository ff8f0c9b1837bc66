use serde::Serialize;
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize)]
struct Research {
    topic: String,
}

async fn summarize(state: View<Research>) -> ResearchUpdate {
    Research::update().topic(state.topic.clone())
}


fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
