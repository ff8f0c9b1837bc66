//! What goes wrong, and who is told.

use superstep::prelude::*;
use superstep::{NodeError, Tool, ToolError, Toolbox, tool};

use crate::common::{Chat, asks, call, chain, graph, node_of, of, results, shown};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Stop {
    city: String,
    #[expect(dead_code, reason = "only read")]
    nights: u32,
}

/// Books a trip.
#[tool]
async fn book(stops: Vec<Stop>, note: Option<String>) -> String {
    let cities: Vec<_> = stops.into_iter().map(|stop| stop.city).collect();
    format!("{} {}", cities.join("-"), note.unwrap_or_default())
}

/// Cancels a trip.
#[tool]
async fn cancel_trip() {}

#[track_caller]
fn check(call: (&str, &str), expected: &str) {
    let calls = [self::call("1", call.0, call.1)];
    let toolbox = Toolbox::new().add(book).add(cancel_trip);
    let (view, ctx) = (View::new(()), Ctx::new(()));
    let told = toolbox.run(&calls, &view, &ctx);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("it needs nothing");
    let told = runtime.block_on(told).expect("it ends well");
    assert_eq!(shown(&told[0]), expected);
}

const TAKES: &str = "it takes `stops` (array), `note` (string, optional)";

#[test]
fn wrong_arguments_are_told_with_their_path_and_what_is_expected() {
    check(
        ("book", r#"{"stops": [{"city": "Rome", "nights": "two"}]}"#),
        &format!(
            "1! wrong arguments for `book`: `stops[0].nights`: invalid type: string \"two\", \
             expected u32; {TAKES}"
        ),
    );
    check(
        ("book", "{}"),
        &format!("1! wrong arguments for `book`: missing field `stops`; {TAKES}"),
    );
    check(
        ("book", r#"{"stops": [], "notes": "by train"}"#),
        &format!(
            "1! wrong arguments for `book`: `notes`: unknown field `notes`, expected `stops` or \
             `note`; {TAKES}"
        ),
    );
    check(
        ("book", "[]"),
        r#"1! the arguments of `book` are not an object, as in `{"name": "value"}`"#,
    );
    check(
        ("cancel_trip", r#"{"id": 7}"#),
        "1! wrong arguments for `cancel_trip`: `id`: unknown field `id`, there are no fields; it \
         takes no arguments",
    );
}

#[test]
fn what_is_not_json_is_told() {
    check(
        ("book", r#"{"stops": ["#),
        "1! the arguments of `book` are not JSON: EOF while parsing a list at line 1 column 11",
    );
}

#[test]
fn an_unknown_name_is_told_with_the_nearest() {
    check(
        ("cancel_trips", "{}"),
        "1! there is no tool `cancel_trips`, but `book`, `cancel_trip`; did you mean `cancel_trip`?",
    );
    check(
        ("xyz", "{}"),
        "1! there is no tool `xyz`, but `book`, `cancel_trip`",
    );
}

#[derive(Debug)]
struct Refused(std::num::ParseIntError);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bank refuses")
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Pays.
#[tool]
async fn pay(amount: String) -> Result<u32, ToolError> {
    if amount == "all" {
        return Err(ToolError::fatal(NodeError::permanent(
            "the card is revoked",
        )));
    }
    Ok(amount.parse().map_err(Refused)?)
}

#[tokio::test]
async fn errors_are_told_with_their_causes() {
    let input = asks([("1", "pay", r#"{"amount": "x"}"#)]);
    let run = graph(Toolbox::<(), Chat>::new().add(pay))
        .invoke(input)
        .await
        .unwrap();
    assert_eq!(
        results(&run.state),
        ["1! the bank refuses: invalid digit found in string"]
    );
}

#[tokio::test]
async fn what_is_fatal_fails_the_node() {
    let input = asks([
        ("1", "pay", r#"{"amount": "1"}"#),
        ("2", "pay", r#"{"amount": "all"}"#),
    ]);
    let tools = node_of(Toolbox::new().add(pay));
    // It is permanent, so that the node is not tried again.
    let graph = of(node(tools).retry(Retry::attempts(3))).compile().unwrap();
    let error = graph.invoke(input).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `tools` failed in superstep 1, attempt 1",
            "tool `pay` failed",
            "the card is revoked"
        ]
    );
}

/// Divides.
#[tool]
async fn divide(a: u32, b: u32) -> u32 {
    a / b
}

#[tokio::test]
async fn a_panic_fails_the_node_and_names_the_tool() {
    let input = asks([("1", "divide", r#"{"a": 1, "b": 0}"#)]);
    let graph = graph(Toolbox::<(), Chat>::new().add(divide));
    let error = graph.invoke(input).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `tools` failed in superstep 1, attempt 1",
            "it panicked: in tool `divide`: attempt to divide by zero"
        ]
    );
}

#[test]
fn all_that_is_wrong_with_a_toolbox_is_told_at_once() {
    let toolbox = Toolbox::<()>::new()
        .add(pay)
        .add(tool(divide).named("di vide"))
        .add(tool(book).named("pay"));
    let line = line!() - 3;
    let error = toolbox.check().unwrap_err();
    let found = error.diagnostics().iter();
    let found: Vec<_> = found.map(ToString::to_string).collect();
    let file = file!();
    assert_eq!(
        found,
        [
            format!(
                "invalid-tool-name: a tool cannot be called \"di vide\"\n  at {file}:{}:10\n  \
                 help: give it a name of letters, digits, `_` and `-`, at most 64",
                line + 1
            ),
            format!(
                "duplicate-tool: two tools are called `pay`\n  at {file}:{}:10\n  \
                 help: rename one of them: `tool(f).named(..)`; the first is added at \
                 {file}:{line}:10",
                line + 2
            ),
        ]
    );
}

#[test]
fn a_toolbox_that_was_not_checked_is_when_its_graph_is_compiled() {
    let toolbox = Toolbox::<(), Chat>::new().add(pay).add(pay);
    let error = of(node_of(toolbox)).compile().unwrap_err();
    let [found] = error.diagnostics() else {
        panic!("{error}")
    };
    assert_eq!(found.message(), "two tools are called `pay`");
    assert_eq!(found.location().file(), file!());
}

#[tokio::test]
async fn a_toolbox_that_was_not_checked_fails_who_runs_it() {
    let run = async |_: View<Chat>, ctx: Ctx| -> NodeResult<()> {
        let toolbox = Toolbox::<(), Chat>::new().add(pay).add(pay);
        toolbox.run(&[], &View::new(Chat::default()), &ctx).await?;
        Ok(())
    };
    let graph = of(run).compile().unwrap();
    let error = graph.invoke(asks([])).await.unwrap_err();
    assert!(
        chain(&error)[1].contains("duplicate-tool: two tools are called `pay`"),
        "{error:?}"
    );
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Rating {
    #[schemars(range(max = 5))]
    stars: u8,
}

#[tokio::test]
async fn what_is_out_of_the_bounds_of_the_schema_is_told() {
    let rate = Tool::new("rate", "Rates.", |rating: Rating, _| async move {
        Ok::<_, ToolError>(rating.stars)
    });
    // Nobody but the function knows what these are.
    let spec = superstep::ToolSpec {
        name: "note".to_owned(),
        ..rate.spec().clone()
    };
    let note = Tool::from_spec(spec, |given: serde_json::Value, _| async move {
        Ok::<_, ToolError>(given["stars"].clone())
    });
    let calls = [
        call("1", "rate", r#"{"stars": 9}"#),
        call("2", "rate", r#"{"stars": 5}"#),
        call("3", "note", r#"{"stars": 9}"#),
    ];
    let toolbox = Toolbox::new().add(rate).add(note);
    let told = toolbox.run(&calls, &View::new(()), &Ctx::new(())).await;
    let told: Vec<_> = told.expect("they are told").iter().map(shown).collect();
    assert_eq!(
        told,
        [
            "1! wrong arguments for `rate`: `stars`: 9 is more than 5; it takes `stars` (integer)",
            "2: 5",
            "3: 9",
        ]
    );
}
