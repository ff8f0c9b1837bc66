use superstep::{Model, map, prompt, text};

fn ask(model: Model) {
    let count = map(|number: u32| number + 1);
    let chain = prompt("Tell me about {topic}") | model | text() | count;
    drop(chain.invoke("space"));
}

fn main() {}
