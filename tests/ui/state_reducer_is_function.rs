use serde::{Deserialize, Serialize};
use superstep::prelude::*;

fn keep_longer(old: &mut String, new: String) {
    if new.len() > old.len() {
        *old = new;
    }
}

mod operator {}

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Research {
    #[reduce(add)]
    notes: Vec<String>,
    #[reduce(operator::add)]
    tokens: u64,
    #[reduce(keep_longer)]
    answer: String,
    #[reduce(superstep::max)]
    best: u64,
    #[reduce("add")]
    found: Vec<String>,
}

fn main() {
    let _ = Research::update().notes("one").tokens(1).answer("two").best(2).found("three");
    let _ = keep_longer;
}
