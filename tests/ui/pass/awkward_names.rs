//! Names that generated code could stumble over, under strict lints.

#![deny(warnings, missing_docs, rust_2018_idioms, unreachable_pub, unused_qualifications)]

use serde::{Deserialize, Serialize};
use superstep::State;

/// A reducer of a user's own, under the name of a stock one.
pub struct Sum;

impl superstep::Reducer<String> for Sum {
    type Update = String;

    fn reduce(value: &mut String, update: String) {
        value.push_str(&update);
    }
}

/// A reducer that only this module can name.
struct Keep;

impl superstep::Reducer<u8> for Keep {
    type Update = u8;

    fn reduce(_value: &mut u8, _update: u8) {}
}

/// A state that is named like a type of the prelude.
#[derive(State, Clone, Default, Serialize, Deserialize)]
pub struct Result {
    r#type: String,
    #[reduce(Sum)]
    some: String,
    #[reduce(superstep::Last)]
    value: String,
    map: Option<Box<Result>>,
    state: u8,
    #[reduce(Keep)]
    key: u8,
}

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Empty {}

fn main() {
    let update = Result::update().r#type("a").some("b").value("c").overwrite_state(1);
    assert_eq!(
        serde_json::to_string(&update).unwrap(),
        r#"{"type":"a","some":"b","value":"c","overwrite_state":1}"#,
    );
    assert_eq!(Empty::schema().fields.len(), 0);
}
