use superstep::{Model, map};

fn ask(model: Model) {
    let chain = map(|text: &str| text.len()) | model;
    drop(chain.invoke("space"));
}

fn main() {}
