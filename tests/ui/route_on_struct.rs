use superstep::prelude::*;

#[derive(Route)]
struct Next {
    name: String,
}

fn main() {
    let _ = Next::TARGETS;
}
