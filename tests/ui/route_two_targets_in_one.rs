use superstep::prelude::*;

#[derive(Route)]
enum Next {
    #[route("search", "write")]
    Search,
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
