//! What a tool is called, and what its module has names for, does not matter.

mod tools {
    #![deny(missing_docs, unused_qualifications, unreachable_pub)]
    #![allow(dead_code)]

    use superstep::{ToolCtx, View, tool};

    struct Option;
    struct Result;
    struct String;
    struct Box;
    struct Tool;
    struct Arguments;
    struct ToolFuture;
    struct ToolDefinition;

    /// Its arguments have the names that generated code could use.
    #[tool]
    pub(crate) async fn arguments(
        arguments: u8,
        given: u8,
        mut returned: u8,
        r#fn: u8,
        self_: u8,
        _: View<()>,
        ToolCtx { .. }: ToolCtx<()>,
    ) -> u8 {
        returned += arguments + given + r#fn + self_;
        returned
    }

    /// Calls itself.
    #[tool]
    pub(crate) async fn count(n: u32) -> u32 {
        if n == 0 { 0 } else { 1 + count(n - 1).await }
    }

    /// In another place.
    pub(crate) mod inner {
        /// Deep in.
        #[super::tool]
        pub(in super::super) async fn deep(value: super::super::Value) -> u8 {
            value.0
        }
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Value(u8);

fn main() {
    /// In a function.
    #[superstep::tool]
    async fn here(_word: std::borrow::Cow<'static, str>) {}

    let toolbox = superstep::Toolbox::<(), ()>::new()
        .add(tools::arguments)
        .add(tools::count)
        .add(tools::inner::deep)
        .add(here);
    assert_eq!(toolbox.specs().len(), 4);
}
