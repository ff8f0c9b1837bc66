//! The examples, run as a user runs them: built, started, and read.

#[path = "support/example.rs"]
mod example;

use std::fs;
use std::path::Path;
use std::process::Output;

use example::{complaints, file, run};

fn parallel_research(arguments: &[&Path]) -> Output {
    run("parallel_research", arguments)
}

/// Checks that a file is turned down with these words, in one line that names
/// it, and nothing else is printed.
#[track_caller]
fn check_refused(path: &Path, expected: &str) {
    let output = parallel_research(&[path]);
    let said = String::from_utf8(output.stderr).expect("complaints are text");
    assert_eq!(said, format!("error: `{}` {expected}\n", path.display()));
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

/// The page that the example prints when all goes well.
#[track_caller]
fn page(arguments: &[&Path]) -> String {
    let output = parallel_research(arguments);
    let said = complaints(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""));
    String::from_utf8(output.stdout).expect("the page is text")
}

/// What a page says under a heading, up to the next empty line.
#[track_caller]
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("\n\n{heading}\n"))
        .unwrap_or_else(|| panic!("no section `{heading}` in:\n{page}"));
    rest.split("\n\n").next().unwrap_or_default()
}

/// The names of the bars in the picture of time, in its order.
fn bars(page: &str) -> Vec<&str> {
    let bars = section(page, "Where the time went").lines();
    let bars = bars.filter(|line| line.ends_with('█'));
    bars.map(|line| line[..12].trim_end()).collect()
}

/// How many branches were under way at a time; 1 if each waited for the one
/// before.
fn at_once(page: &str) -> f64 {
    let (_, rest) = page.split_once("average,").expect("the page says so");
    let number = rest.split_whitespace().next();
    let number = number.and_then(|number| number.parse().ok());
    number.expect("a number follows")
}

const BRANCHES_AND_RUN: [&str; 4] = ["questions", "summarize", "terms", "whole run"];

#[test]
fn an_essay_is_read_in_three_ways() {
    let page = page(&[]);
    assert!(page.starts_with("The History of Space Exploration\n====="));
    let summary = section(&page, "Summary");
    assert_eq!(summary.matches("- ").count(), 4, "{summary}");
    assert!(summary.contains("- The Soviet Union launched Salyut 1"));
    assert!(section(&page, "Key terms").starts_with("United States, Soviet Union"));
    let questions = section(&page, "Questions it answers");
    assert!(questions.contains("- Who became the first person in space?\n"));
    assert_eq!(bars(&page), BRANCHES_AND_RUN);
    assert!(
        at_once(&page) > 1.0,
        "one branch waited for another:\n{page}"
    );
    let cores = match std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        1 => "There is 1 core. The branches took ".to_owned(),
        n => format!("There are {n} cores. The branches took "),
    };
    assert!(page.contains(&cores), "{page}");
    assert!(page.contains("Words read, all branches together: 2979."));
    let too_wide = page.lines().find(|line| line.chars().count() > 80);
    assert_eq!(too_wide, None);
}

#[test]
fn every_essay_gives_something_in_each_section() {
    let essays = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let essays = fs::read_dir(essays).expect("the essays are there");
    let mut n_essays = 0;
    for essay in essays {
        let essay = essay.expect("the directory can be read").path();
        if essay.extension().is_none_or(|extension| extension != "txt") {
            continue; // what other examples read
        }
        let page = page(&[&essay]);
        assert!(!page.contains("Nothing was found."), "{page}");
        assert_eq!(bars(&page), BRANCHES_AND_RUN);
        n_essays += 1;
    }
    assert_eq!(n_essays, 4);
}

#[test]
fn a_file_of_the_users_own_is_read() {
    let tea = "Tea is a drink made from leaves. The East India Company brought tea to London \
               in 1664. Robert Fortune carried tea plants from China to India in 1848.\r\n";
    let page = page(&[&file("tea.txt", tea)]);
    assert!(page.starts_with("tea.txt\n=======\n"));
    assert!(section(&page, "Summary").contains("- Tea is a drink made from leaves."));
    assert!(section(&page, "Questions it answers").contains("- What is tea?"));
    assert_eq!(bars(&page), BRANCHES_AND_RUN);
}

#[test]
fn a_long_text_says_how_much_of_it_was_read() {
    let long = "The ship left the harbour in 1901. ".repeat(4000);
    let page = page(&[&file("long.txt", long)]);
    assert!(
        page.contains("only the first 128 of its 136 KiB were read.\n"),
        "{page}"
    );
}

#[test]
fn a_text_without_words_has_nothing_to_find() {
    let page = page(&[&file("dots.txt", "... --- ...\n")]);
    for heading in ["Summary", "Key terms", "Questions it answers"] {
        assert_eq!(section(&page, heading), "Nothing was found.");
    }
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let page = page(&[&file(
        "escape.txt",
        "A \x1b[31mred ship left the harbour.\n",
    )]);
    assert!(
        page.contains("red ship") && !page.contains('\x1b'),
        "{page}"
    );
}

#[test]
fn a_missing_file_is_refused() {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere.txt");
    check_refused(&nowhere, "does not exist: check the path");
}

#[test]
fn a_directory_is_refused() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    check_refused(directory, "is a directory: name a file in it");
}

#[test]
fn an_empty_file_is_refused() {
    let expected = "is empty: give a file with something in it";
    check_refused(&file("empty.txt", ""), expected);
    check_refused(&file("blank.txt", "\u{feff} \r\n\t\n"), expected);
}

#[test]
fn a_binary_file_is_refused() {
    let expected = "is binary (it holds NUL bytes): give a plain text file";
    check_refused(&file("binary.dat", b"\x7fELF\0\0\x01"), expected);
}

#[test]
fn a_file_in_another_encoding_is_refused() {
    let expected = "is not UTF-8 (see byte 3): save it as UTF-8";
    check_refused(&file("latin1.txt", b"caf\xe9 au lait"), expected);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let expected = "is larger than 5 MB: give a part of it";
    check_refused(&file("large.txt", "word ".repeat(1_000_001)), expected);
}

#[test]
fn usage_is_shown_when_asked_for_and_when_needed() {
    let asked = parallel_research(&[Path::new("--help")]);
    assert_eq!(asked.status.code(), Some(0));
    assert!(
        asked
            .stdout
            .starts_with(b"usage: cargo run --example parallel_research")
    );
    let needed = parallel_research(&[Path::new("a.txt"), Path::new("b.txt")]);
    assert_eq!(needed.status.code(), Some(2));
    assert_eq!(needed.stderr, asked.stdout);
}

#[cfg(feature = "sqlite")]
mod approve_order {
    use expect_test::{Expect, expect};

    /// Orders in a file of their own, in a folder that is gone in the end.
    struct Orders(tempfile::TempDir);

    impl Orders {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        /// Checks the exit code and all that is printed, but for the file's name
        /// and the time.
        #[track_caller]
        fn check(&self, arguments: &[&str], expected: &Expect) {
            let file = self.0.path().join("orders.db");
            let file = file.to_str().expect("the folder's name is UTF-8");
            let output = super::run("approve_order", &[&["--file", file], arguments].concat());
            let said = String::from_utf8(output.stdout).expect("it prints text");
            let said = said + &super::complaints(&output.stderr);
            let code = output.status.code().expect("it was not killed");
            let said = said.replace(file, "FILE");
            let said = said.lines().map(timeless).collect::<Vec<_>>().join("\n");
            expected.assert_eq(&format!("{code}\n{said}\n"));
        }
    }

    /// A row of a history without its last column, which is the time.
    fn timeless(line: &str) -> String {
        let (row, here) = match line.strip_suffix("  <- here") {
            Some(row) => (row, "  <- here"),
            None => (line, ""),
        };
        match row.rsplit_once("  ") {
            Some((row, when)) if when == "just now" || when.ends_with(" s ago") => {
                format!("{}{here}", row.trim_end())
            }
            _ => line.to_owned(),
        }
    }

    #[test]
    fn it_waits_for_a_person_and_goes_on_from_the_file() {
        let orders = Orders::new();
        orders.check(
            &[],
            &expect![[r#"
            0
            * a letter asks for approval of order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":900}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --answer yes
        "#]],
        );
        orders.check(
            &[],
            &expect![[r#"
            0
            order-17, total 900, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":900}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --answer yes
        "#]],
        );
        orders.check(
            &["--answer", "yes"],
            &expect![[r#"
            0
            * the bank charges 900 for order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              a person said yes
              charged
        "#]],
        );
        orders.check(
            &["--answer", "yes"],
            &expect![[r#"
            1
            Error: unknown-interrupt: thread `order-17` asks nothing
              help: go on with `proceed`, or begin a run with `invoke`
        "#]],
        );
    }

    #[test]
    fn what_is_below_the_limit_is_not_asked_and_another_order_may_follow() {
        let orders = Orders::new();
        orders.check(
            &["--order", "500"],
            &expect![[r#"
            0
            * the bank charges 500 for order-17
            order-17, total 500, kept in FILE:
              reserved the goods
              charged
        "#]],
        );
        orders.check(
            &["--order", "501"],
            &expect![[r#"
            0
            * a letter asks for approval of order-17
            order-17, total 501, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":501}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --answer yes
        "#]],
        );
        orders.check(&["--order", "20"], &expect![[r#"
            1
            Error: unfinished: thread `order-17` has not finished: `review` would be dropped
              help: go on with `resume` or `proceed`, or say what becomes of it: `.unfinished(Unfinished::Discard)` or `Unfinished::Keep`
        "#]]);
        orders.check(
            &["--answer", "no"],
            &expect![[r#"
            0
            order-17, total 501, kept in FILE:
              reserved the goods
              a person said no
              put the goods back
        "#]],
        );
    }

    #[test]
    fn a_rewound_order_is_a_branch_of_its_history() {
        let orders = Orders::new();
        orders.check(
            &["--order", "900"],
            &expect![[r#"
            0
            * a letter asks for approval of order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":900}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --answer yes
        "#]],
        );
        orders.check(
            &["--history"],
            &expect![[r#"
            0
            id  step  what ran  what is next   state                          when
            1   0     (input)   review (asks)  total 900, reserved the goods  <- here
        "#]],
        );
        orders.check(
            &["--answer", "yes"],
            &expect![[r#"
            0
            * the bank charges 900 for order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              a person said yes
              charged
        "#]],
        );
        orders.check(
            &["--rewind", "1"],
            &expect![[r#"
            0
            * a letter asks for approval of order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":900}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --answer yes
        "#]],
        );
        orders.check(
            &["--answer", "no"],
            &expect![[r#"
            0
            order-17, total 900, kept in FILE:
              reserved the goods
              a person said no
              put the goods back
        "#]],
        );
        orders.check(
            &["--rewind", "2"],
            &expect![[r#"
            0
            * the bank charges 900 for order-17
            order-17, total 900, kept in FILE:
              reserved the goods
              a person said yes
              charged
        "#]],
        );
        orders.check(
            &["--history"],
            &expect![[r#"
            0
            id       step  what ran         what is next     state                          when
            1        0     (input)          reserve, review  total 900
            ├─ 2     1     reserve, review  settle           total 900, a person said yes
            │  ├─ 3  2     settle           nothing          total 900, charged
            │  └─ 7  1     (fork)           settle           total 900, a person said yes
            │     8  2     settle           nothing          total 900, charged  <- here
            └─ 4     0     (fork)           reserve, review  total 900
               5     1     reserve, review  settle           total 900, a person said no
               6     2     settle           nothing          total 900, put the goods back
        "#]],
        );
        orders.check(
            &["--rewind", "6"],
            &expect![[r#"
            0
            order-17, total 900, kept in FILE:
              reserved the goods
              a person said no
              put the goods back
        "#]],
        );
    }

    #[test]
    fn a_wrong_answer_leaves_the_question_open() {
        let orders = Orders::new();
        orders.check(&["--thread", "a b"], &expect![[r#"
            0
            * a letter asks for approval of a b
            a b, total 900, kept in FILE:
              reserved the goods
              waits for a person: review/0/approve {"limit":500,"total":900}
            Answer now, or next week:
              cargo run --example approve_order --features sqlite -- --file FILE --thread 'a b' --answer yes
        "#]]);
        orders.check(&["--thread", "a b", "--answer", "maybe"], &expect![[r#"
            1
            Error: answer: the answer to `review/0/approve` is not what was asked for: unknown variant `maybe`, expected `yes` or `no`
              help: resume again with an answer of that type
        "#]]);
        orders.check(
            &["--thread", "a b", "--history"],
            &expect![[r#"
            0
            id  step  what ran  what is next   state                          when
            1   0     (input)   review (asks)  total 900, reserved the goods  <- here
        "#]],
        );
    }

    #[test]
    fn what_is_not_there_is_told() {
        let orders = Orders::new();
        orders.check(
            &["--answer", "yes"],
            &expect![[r#"
            1
            Error: unknown-thread: there is no thread `order-17`
              help: begin it: `graph.invoke(input).thread(id)`
        "#]],
        );
        orders.check(
            &["--history"],
            &expect![[r#"
            1
            Error: unknown-thread: there is no thread `order-17`
              help: begin it: `graph.invoke(input).thread(id)`
        "#]],
        );
        orders.check(
            &["--rewind", "1"],
            &expect![[r#"
            1
            Error: unknown-checkpoint: thread `order-17` has no checkpoint 1
              help: see which there are: `graph.thread(id).history()`
        "#]],
        );
        orders.check(
            &["--order", "10", "--thread", "known"],
            &expect![[r#"
            0
            * the bank charges 10 for known
            known, total 10, kept in FILE:
              reserved the goods
              charged
        "#]],
        );
        orders.check(
            &["--rewind", "77", "--thread", "known"],
            &expect![[r#"
            1
            Error: unknown-checkpoint: thread `known` has no checkpoint 77
              help: see which there are: `graph.thread(id).history()`
        "#]],
        );
    }

    #[test]
    fn wrong_arguments_are_told_with_the_usage() {
        let wrong = |arguments: &[&str], expected: &str| {
            let output = super::run("approve_order", arguments);
            let said = String::from_utf8(output.stderr).expect("it prints text");
            let usage = super::run("approve_order", &["--help"]);
            assert_eq!(usage.status.code(), Some(0));
            let usage = String::from_utf8(usage.stdout).expect("it prints text");
            assert!(usage.starts_with("usage: cargo run --example approve_order"));
            assert_eq!(said, format!("error: {expected}\n\n{usage}"));
            assert_eq!(output.status.code(), Some(2));
        };
        wrong(&["order"], "there is no option `order`");
        wrong(&["--answer"], "`--answer` needs a value");
        wrong(
            &["--order", "-3"],
            "`--order` needs a whole number, not `-3`",
        );
        wrong(
            &["--rewind", "x"],
            "`--rewind` needs a whole number, not `x`",
        );
        wrong(&["--history", "--order", "3"], "one thing at a time");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_told() {
        let orders = Orders::new();
        let nowhere = orders.0.path().join("nowhere").join("orders.db");
        let output = super::run("approve_order", &["--file".as_ref(), nowhere.as_os_str()]);
        let said =
            String::from_utf8_lossy(&output.stderr).replace(&*nowhere.to_string_lossy(), "FILE");
        assert!(
            said.starts_with("Error: the store failed\n  caused by: `FILE` cannot be opened\n"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn guards_veto_before_the_effect_and_forms_tell_every_mistake() {
    let output = run("validate_input", &[] as &[&str]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "The form:\n  - the email address has no host\n  - the phone number is too short\n\n\
         The questions:\n  - what is the time? sent: you asked: what is the time\n  \
         - what is her password? vetoed: it asks for a password; its answer was cancelled\n"
    );
}

/// What an example without arguments prints, but for its timeline.
#[track_caller]
fn printed(example: &str, until: &str) -> String {
    let output = run(example, &[] as &[&str]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (told, timeline) = text.split_once(until).expect("it prints a timeline");
    assert!(timeline.contains("critical path"), "{timeline}");
    told.to_owned()
}

#[test]
fn a_trip_is_planned_without_what_is_slow_or_broken() {
    assert_eq!(
        printed("trip_planner", "trip planner · "),
        "Your trip to Lisbon:\n\n   180 EUR  morning flight to Lisbon\n   240 EUR  a room by the river\n   \
         420 EUR  in all\n\nNot in this plan:\n\n  events: no answer within 300ms\n  \
         restaurants: 503 service unavailable\n\n"
    );
}

#[test]
fn two_votes_of_three_decide() {
    assert_eq!(
        printed("best_of", "best of three · "),
        "**  Rust graphs that pause and go on\n    What if a workflow never forgot?\n    \
         3 ways to pause a workflow\n\nRust graphs that pause and go on\n\n"
    );
}

#[cfg(feature = "agents")]
#[test]
fn three_researchers_find_what_a_fourth_agent_cites() {
    let output = run("agents_parallel", &[] as &[&Path]);
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && page.contains("[vaccination-7]"));
}
