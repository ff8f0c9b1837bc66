//! Fields that nodes declare to write.

use super::*;

#[test]
fn declared_writes_are_fields() {
    check(
        graph()
            .add_node("a", node(work).writes(["anser", "weather", "log"]))
            .add_edge(START, "a"),
        expect![[r#"
            unknown-field: `a` declares that it writes `anser`, which is not a field of the state
                help: did you mean `answer`?
            unknown-field: `a` declares that it writes `weather`, which is not a field of the state
                help: declare fields of the state's struct
        "#]],
    );
}
