use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
}

async fn summarize(state: View<Research>) {
    let _ = state.topic.len();
}

fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
