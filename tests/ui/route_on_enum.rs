use superstep::prelude::*;

#[derive(Route)]
#[route("search")]
enum Next {
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
