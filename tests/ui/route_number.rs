use superstep::prelude::*;

#[derive(Route)]
enum Next {
    #[route(3)]
    Search,
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
