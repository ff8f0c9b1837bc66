//! Examples of chains, run as a user runs them: built, started, and read.

#![cfg(all(feature = "agents", feature = "testing"))]

use std::process::Command;

#[test]
fn a_chain_asks_three_things_at_once() {
    let test = std::env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("a test is in PROFILE/deps");
    let name = format!("chain_parallel{}", std::env::consts::EXE_SUFFIX);
    let mut example = Command::new(profile.join("examples").join(name));
    for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
        example.env_remove(name);
    }
    let output = example.arg("SPACE").output();
    let output = output.expect("it is built: run `cargo build --examples` first");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "(There is no language model here: all answers are known beforehand.)\n\n\
                    SPACE\n=====\nOut of 5 lines I was told I would make an essay, if I were a language \
                    model.\n\nFour answers, of which three at once, took ";
    assert!(text.starts_with(expected), "{text}");
}
