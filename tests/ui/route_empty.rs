use superstep::prelude::*;

#[derive(Route)]
enum Next {}

fn main() {
    let _ = Next::TARGETS;
}
