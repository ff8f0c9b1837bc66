use superstep::{Prompt, prompt};

fn main() {
    let _: Prompt<String> = prompt(7);
}
