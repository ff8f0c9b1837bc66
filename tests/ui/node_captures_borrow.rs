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

fn main() {
    let greeting = String::from("hello");
    let _ = StateGraph::<Research>::new("research").add_node("summarize", async |_: View<Research>| {
        Research::update().findings(greeting.clone())
    });
}
