use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
}

fn main() {
    let _ = StateGraph::<Research>::new("research");
}
