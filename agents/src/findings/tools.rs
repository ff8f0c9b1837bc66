//! What can be wrong with tools.

use super::{Findings, Place};
use crate::tools::LONGEST_NAME;

impl Findings {
    pub(crate) fn invalid_tool_name(&mut self, place: Place, name: &str) {
        self.add(
            place,
            "invalid-tool-name",
            format!("a tool cannot be called {name:?}"),
            format!("give it a name of letters, digits, `_` and `-`, at most {LONGEST_NAME}"),
        );
    }

    pub(crate) fn duplicate_tool(&mut self, place: Place, name: &str, first: Place) {
        self.add(
            place,
            "duplicate-tool",
            format!("two tools are called `{name}`"),
            format!("rename one of them: `tool(f).named(..)`; the first is added at {first}"),
        );
    }
}
