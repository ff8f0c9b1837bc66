use superstep::{Chain, prompt};

fn main() {
    let _: Chain<&str, _> = prompt("Tell me about {topic}") | 5;
}
