use superstep::prelude::*;

#[derive(Route)]
enum Next {
    #[route("search")]
    #[route("write")]
    Search,
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
