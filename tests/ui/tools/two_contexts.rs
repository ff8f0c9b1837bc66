use superstep::{ToolCtx, Toolbox, tool};

/// Looks a word up.
#[tool]
async fn look_up(word: String, _a: ToolCtx<()>, /** The context. */ _b: ToolCtx<()>) -> String {
    word
}

fn main() {
    let _ = Toolbox::<()>::new().add(look_up);
}
