use superstep::{Toolbox, tool};

#[tool(name = "look up", description = " ", timeout = "soon", approve, approve)]
async fn look_up(word: String) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
