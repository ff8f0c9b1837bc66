//! The examples that ask language models, run as a user runs them: offline.
#![cfg(all(feature = "cache", feature = "models", feature = "testing"))]

#[path = "support/example.rs"]
mod example;
#[cfg(feature = "openai")]
#[path = "support/openai.rs"]
mod openai;

use std::path::Path;

use example::{complaints, file, run};
use expect_test::{Expect, expect};
#[cfg(feature = "openai")]
use openai::Server;
#[cfg(feature = "openai")]
use serde_json::{Value, json};

/// Checks the exit code and all that is printed; the file is called `FILE`.
#[track_caller]
fn check(example: &str, given: Option<&Path>, expected: &Expect) {
    let output = run(example, given.as_slice());
    let said = String::from_utf8(output.stdout).expect("it prints text");
    let said = said + &complaints(&output.stderr);
    let said = match given {
        Some(path) => said.replace(&*path.to_string_lossy(), "FILE"),
        None => said,
    };
    let code = output.status.code().expect("it was not killed");
    expected.assert_eq(&format!("{code}\n{said}"));
}

#[test]
fn sixty_reviews_make_a_report_and_one_cannot_be_read() {
    check(
        "analyse_reviews",
        None,
        &expect![[r#"
        0
        Offline: lists of words stand for a language model.
        60 reviews, 244 questions, at most 8 at the same time.

        How they feel
          positive   27  ███████████████████
          mixed       6  █████
          negative   26  ██████████████████

        About what   positive     mixed  negative
          product          17         4        13
          delivery          5         1         5
          service           3         1         3
          price             2         0         5

        What they name
          delivery 14, price 14, support 10, battery 9, quality 8, parcel 7

        To be looked at now
            6  The charger started to smoke on the second evening and burned a mark …
           17  My daughter got an electric shock from the power supply when she plug…
           22  Das Ladegerät wird so heiß, dass es raucht! Das ist gefährlich.
           40  El cargador se calienta y sale humo, es peligroso. Avisé a la tienda …
           60  The battery swells. It lifts the keys already, and I am afraid that i…
          and soon: 8, 14, 15, 20, 25, 34, 36, 46, 51, 53, 56

        Not read
           41  node `category` failed in superstep 1, attempt 1: `word lists`: the model refuses to answer: there are no words in it

        A second time, 59 reviews were known: 4 questions.
    "#]],
    );
}

#[test]
fn too_many_reviews_that_cannot_be_read_are_an_error() {
    let mut lines = r#"{ "id": 1, "text": "A great lamp." }"#.to_owned() + "\n";
    lines += "\n{ \"id\": 7, \"text\": \"?!\" }\n{ \"id\": 9, \"text\": \"...\" }\n";
    let reviews = file("unreadable.jsonl", lines);
    check(
        "analyse_reviews",
        Some(&reviews),
        &expect![[r#"
        1
        Offline: lists of words stand for a language model.
        Error: node: node `collect` failed in superstep 2, attempt 1
          caused by: 2 of 3 reviews were not read, more than 5 %; review 7: node `category` failed in superstep 1, attempt 1: `word lists`: the model refuses to answer: there are no words in it
          help: mend the cause, or give `collect` a policy: `node(f).retry(Retry::attempts(3))`
    "#]],
    );
}

#[test]
fn a_line_that_is_no_review_is_told() {
    let reviews = file(
        "line.jsonl",
        "{ \"id\": 1, \"text\": \"Good.\" }\n\nGood.\n",
    );
    check(
        "analyse_reviews",
        Some(&reviews),
        &expect![[r#"
            2
            error: `FILE` has no review in line 3 (expected value): see `--help`
        "#]],
    );
}

#[test]
fn only_what_is_wrong_is_written_again_and_a_picture_keeps_back_its_caption() {
    check(
        "write_campaign",
        None,
        &expect![[r#"
            0
            Offline: templates stand for a language model.
            Pictures are simulated.

            Lumen desk lamp
            ===============
            Subject: Lumen desk lamp: warm light

            For people who read at night: Lumen desk lamp, with warm light, dims by touch, ten years of warranty. It costs 49.90 EUR.
            Order until 30 November for 49.90 EUR.
            [262 bytes of SVG: Lumen desk lamp in use]

            Checked 2 times. Drafts: subject 2, body 2, action 1.
            It is whole.

            Fjord hunting knife
            ===================
            Subject: Fjord hunting knife

            For everybody who is out in the woods: Fjord hunting knife, with a blade of forged steel, a handle of birch. It costs 79 EUR.
            Order until 6 December for 79 EUR.
            [no picture]

            Checked 2 times. Drafts: subject 2, body 2, action 1.
            It is not whole:
              caption: `simulated painter`: a content filter refuses it: a knife is not to be shown
        "#]],
    );
}

#[test]
fn what_never_gets_right_is_not_written_for_ever() {
    let brief = r#"[{
        "product": "The Most Comfortable Reading Chair In The World",
        "price": "200 EUR",
        "audience": "all",
        "strengths": ["a cushion"],
        "until": "Friday"
    }]"#;
    check(
        "write_campaign",
        Some(&file("long.json", brief)),
        &expect![[r#"
            0
            Offline: templates stand for a language model.
            Pictures are simulated.

            The Most Comfortable Reading Chair In The World
            ===============================================
            Subject: The Most Comfortable Reading Chair In The World

            For all: The Most Comfortable Reading Chair In The World, with a cushion. It costs about 200 EUR.
            Order until Friday for 200 EUR.
            [255 bytes of SVG: The Most Comfortable Reading Chair In The World in use]

            Checked 3 times. Drafts: subject 3, body 1, action 1.
            It is not whole:
              subject: it has 47 letters, at most 40
        "#]],
    );
}

#[test]
fn a_brief_that_lacks_something_is_told() {
    let brief = file("brief.json", r#"[{ "product": "Lamp", "price": "9 EUR" }]"#);
    check(
        "write_campaign",
        Some(&brief),
        &expect![[r#"
        2
        error: `FILE` is no list of briefs (missing field `audience` at line 1 column 40): see `--help`
    "#]],
    );
}

#[test]
fn a_post_is_judged_by_what_there_is_of_it() {
    check(
        "analyse_post",
        None,
        &expect![[r#"
        0
        Offline: meters of words, colours and pitch stand for the models.

        As it is: +0.60
          audio  +0.57  1.2 s, rising from 250 to 322 Hz
          image  +0.22  96 by 64 pixels, even and half dark
          text   +1.00  23 words, such as lovely, beautiful, calm, happy

        Without its sound: +0.61
          image  +0.22  96 by 64 pixels, even and half dark
          text   +1.00  23 words, such as lovely, beautiful, calm, happy
          audio skipped

        While nobody can hear: +0.61
          image  +0.22  96 by 64 pixels, even and half dark
          text   +1.00  23 words, such as lovely, beautiful, calm, happy
          audio failed: `pitch meter`: the provider cannot answer now (status 503)

        Picture and sound: 21126 bytes. All checkpoints together: 3712 bytes.
    "#]],
    );
}

#[test]
fn a_picture_that_cannot_be_read_spoils_nothing_else() {
    file("noise.png", b"\x89PNG\r\n\x1a\nnoise");
    let post = file(
        "noise.json",
        r#"{ "text": "A sad day.", "image": "noise.png" }"#,
    );
    check(
        "analyse_post",
        Some(&post),
        &expect![[r#"
        0
        Offline: meters of words, colours and pitch stand for the models.

        As it is: -1.00
          text   -1.00  3 words, such as sad
          audio skipped
          image failed: `colour meter`: the provider refuses the request: it is no PNG that can be read

        Picture and sound: 13 bytes. All checkpoints together: 634 bytes.
    "#]],
    );
}

#[test]
fn a_post_of_nothing_or_of_what_is_not_there_is_told() {
    let post = file("nothing.json", "{}");
    check(
        "analyse_post",
        Some(&post),
        &expect![[r#"
        2
        error: `FILE` has no parts: see `--help`
    "#]],
    );
    let post = file("nowhere.json", r#"{ "audio": "nowhere.wav" }"#);
    check(
        "analyse_post",
        Some(&post),
        &expect![[r#"
            2
            error: `FILE` names `nowhere.wav`, which is not beside it
        "#]],
    );
}

#[test]
fn each_says_how_it_is_used() {
    for example in ["analyse_post", "analyse_reviews", "write_campaign"] {
        let usage = run(example, &["--help"]);
        let begins = format!("usage: cargo run --example {example} --features ");
        assert!(String::from_utf8_lossy(&usage.stdout).starts_with(&begins));
        assert_eq!(usage.status.code(), Some(0));
        let two = run(example, &["one", "two"]);
        assert_eq!((two.status.code(), two.stderr), (Some(2), usage.stdout));
    }
}

#[cfg(feature = "openai")]
#[test]
fn a_model_that_the_environment_names_takes_the_place_of_the_analysts() {
    let same = |_: &Value| json!({ "content": r#"{"lines":["Ships."]}"# });
    let server = Server::of(same);
    let page = asked("parallel_research", &server, 3);
    assert!(page.contains("\nSummary\n- Ships.\n"), "{page}");
    assert!(
        page.contains("\nTokens used, all branches together: 315.\n"),
        "{page}"
    );
}

#[cfg(all(feature = "agents", feature = "openai"))]
#[test]
fn a_model_that_the_environment_names_takes_the_place_of_the_known_answers() {
    let server = Server::of(|request| {
        let asks = request["messages"][0]["content"].as_str();
        let asks = asks.unwrap_or_default();
        let known = [
            ("Based on", format!("Told: {}", asks.replace('\n', " "))),
            ("Summarize", "It is large.".to_owned()),
            ("questions", "1. How large?\n2. Why?".to_owned()),
            ("key terms", "vacuum, orbit".to_owned()),
        ];
        let answer = known.into_iter().find(|(words, _)| asks.contains(words));
        json!({ "content": answer.map(|(_, answer)| answer) })
    });
    let page = asked("chain_parallel", &server, 4);
    let expected = "Told: Based on the following information: Summary: It is large. Related \
                    questions: [\"How large?\",\"Why?\"] Key terms: vacuum; orbit Synthesize";
    assert!(page.contains(expected), "{page}");
    assert!(!page.contains("no language model here"), "{page}");
}

#[cfg(all(feature = "agents", feature = "openai"))]
#[test]
fn a_model_that_the_environment_names_takes_the_place_of_the_scripts() {
    let server = Server::of(|request| {
        let messages = request["messages"].as_array().cloned().unwrap_or_default();
        let said = |at: usize| messages[at]["content"].as_str().unwrap_or_default();
        let last = messages.len() - 1;
        if messages[last]["role"] == "tool" {
            let found: Value = serde_json::from_str(said(last)).expect("passages");
            let id = found[0]["id"].as_str().expect("an id");
            return json!({ "content": format!("It is told in [{id}].") });
        }
        let subject = said(0).strip_prefix("Search the library for ");
        let subject = subject.and_then(|rest| rest.split_once(". Then"));
        match subject {
            Some((subject, _)) => {
                let arguments = json!({ "query": subject }).to_string();
                let function = json!({ "name": "search", "arguments": arguments });
                let call =
                    json!({ "index": 0, "id": "1", "type": "function", "function": function });
                json!({ "tool_calls": [call] })
            }
            None => {
                let notes = said(0).split_once("Notes:\n");
                json!({ "content": notes.map(|(_, notes)| notes.replace('\n', " ")) })
            }
        }
    });
    let page = asked("agents_parallel", &server, 7);
    assert!(page.contains("Written by a model in "), "{page}");
    assert_eq!(page.matches("It is told in [").count(), 3, "{page}");
}

/// What an example prints that asks the server so often.
#[cfg(feature = "openai")]
#[track_caller]
fn asked(example: &str, server: &Server, n_times: usize) -> String {
    let mut program = example::command(example);
    server.asked_by(&mut program);
    let output = program.output().expect("the example starts");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = complaints(&output.stderr);
    assert!(output.status.success(), "{page}{complaints}");
    assert_eq!(server.n_asked(), n_times);
    page
}
