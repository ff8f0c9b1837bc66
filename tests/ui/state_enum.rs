use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
enum Research {
    #[default]
    Open,
    Done,
}

async fn summarize(_state: View<Research>) -> ResearchUpdate {
    Research::update()
}


fn main() {
    let _ = StateGraph::<Research>::new("research").add_node("summarize", summarize);
}
