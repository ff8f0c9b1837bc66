use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
#[state(ephemeral, versoin = 2)]
struct Research {
    topic: String,
}

fn main() {
    let _ = Research::update().topic("space");
}
