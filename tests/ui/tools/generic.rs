use superstep::tool;

/// Says the same.
#[tool]
async fn echo<T: Send + 'static>(value: T) -> T {
    value
}

fn main() {
    let _ = echo(1);
}
