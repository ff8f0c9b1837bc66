use superstep::prelude::*;

#[derive(Route)]
enum Next {
    #[route("")]
    Search,
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
