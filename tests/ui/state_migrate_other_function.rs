use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
#[state(version = 2, migrate = migrate)]
struct Research {
    topic: String,
}

fn migrate(_: Research) -> Research {
    Research::default()
}

fn main() {
    let _ = Research::update().topic("space");
}
