//! What optional features add.

#[cfg(feature = "schema")]
mod schema {
    use serde::{Deserialize, Serialize};
    use superstep::prelude::*;

    #[derive(State, schemars::JsonSchema, Clone, Default, Serialize, Deserialize)]
    struct Tally {
        /// Who stands for election.
        candidate: Option<String>,
        #[reduce(Sum)]
        votes: u32,
        #[state(ephemeral)]
        note: String,
    }

    #[test]
    fn a_states_json_schema_names_its_reducers() {
        let schema = superstep::json_schema::<Tally>();
        let properties = &schema["properties"];
        assert_eq!(properties["votes"]["type"], "integer");
        assert_eq!(properties["votes"]["x-reducer"], "Sum");
        assert_eq!(properties["candidate"]["x-reducer"], "Replace");
        assert_eq!(
            properties["candidate"]["description"],
            "Who stands for election."
        );
        assert_eq!(properties["note"]["x-ephemeral"], true);
        assert!(properties["votes"].get("x-ephemeral").is_none());
    }
}

/// The prelude shadows nothing of std's, and stays small.
#[test]
fn the_prelude_shadows_nothing() {
    use superstep::prelude::*;

    fn needs_send<T: Send>(_: &T) -> Result<(), String> {
        Ok(())
    }

    let graph = StateGraph::<Empty>::new("empty");
    assert_eq!(needs_send(&graph), Ok(()));
    let source = include_str!("../src/lib.rs");
    let prelude = &source[source.find("pub mod prelude").expect("there is one")..];
    let list = &prelude[prelude.find('{').expect("it has a body")..];
    let names: std::collections::BTreeSet<&str> = list
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| {
            !matches!(
                *word,
                "" | "pub" | "use" | "superstep_core" | "superstep_macros"
            )
        })
        .collect();
    assert!(names.len() <= 20, "{} names: {names:?}", names.len());
}

#[derive(superstep::State, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Empty {}
