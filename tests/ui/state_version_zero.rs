use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
#[state(version = 0)]
struct Research {
    topic: String,
}

fn main() {
    let _ = Research::update().topic("space");
}
