use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    topic: String,
    model: Model,
}

#[derive(Default)]
struct Model;

fn main() {
    let _ = Research::update().topic("space");
}
