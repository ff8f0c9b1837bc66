use superstep::prelude::*;

#[derive(Route)]
enum Next {
    #[route]
    Search,
    #[route()]
    Write,
    #[route(END)]
    Stop,
}

fn main() {
    let _ = Next::TARGETS;
}
