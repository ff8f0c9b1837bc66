use superstep::{Toolbox, tool};

#[tool]
async fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
