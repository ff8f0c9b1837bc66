use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research<T> {
    topic: T,
}

async fn summarize(_state: View<Research<String>>) -> ResearchUpdate {
    Research::update().topic("space")
}


fn main() {
    let _ = StateGraph::<Research<String>>::new("research").add_node("summarize", summarize);
}
