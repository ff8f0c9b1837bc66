use superstep::{Ctx, ToolCtx, View, tool};

/// Looks a word up.
#[tool]
async fn look_up(word: String, _ctx: Ctx<()>) -> String {
    word
}

/// Looks a word up.
#[tool]
async fn find(word: String, _ctx: &ToolCtx<()>, _state: &View<()>) -> String {
    word
}

fn main() {}
