use superstep::{ToolCtx, Toolbox, tool};

/// Looks a word up.
#[tool]
async fn look_up(word: String, _ctx: ToolCtx<u8>) -> String {
    word
}

fn main() {
    let _ = Toolbox::<String>::new().add(look_up);
}
