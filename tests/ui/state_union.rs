use superstep::prelude::*;

#[derive(State)]
union Research {
    whole: u32,
    bytes: [u8; 4],
}

fn main() {
    let _ = Research::update();
}
