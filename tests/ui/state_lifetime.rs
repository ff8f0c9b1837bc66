use serde::Serialize;
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize)]
struct Research<'a> {
    topic: &'a str,
}

async fn summarize(_state: View<Research<'static>>) -> ResearchUpdate {
    Research::update().topic("space")
}

fn main() {
    let _ = StateGraph::<Research<'static>>::new("research").add_node("summarize", summarize);
}
