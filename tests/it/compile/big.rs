//! Large graphs. No assertion on time here: what grows faster than the graph
//! never ends.

use super::*;

fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("n{i:06}")).collect()
}

fn all(names: &[String]) -> Builder {
    nodes(names.iter().map(String::as_str))
}

#[track_caller]
fn compiles(builder: Builder, n: usize) {
    let graph = builder.compile().expect("nothing is wrong with it");
    assert_eq!(graph.nodes().count(), n);
    assert_eq!(graph.warnings(), []);
}

#[test]
fn a_chain() {
    let names = numbered(100_000);
    let chain = names.windows(2);
    let graph = all(&names).add_edge(START, &names[0]);
    let graph = chain.fold(graph, |graph, pair| graph.add_edge(&pair[0], &pair[1]));
    compiles(graph, 100_000);
}

#[test]
fn a_loop() {
    let mut names = numbered(100_000);
    names[0] = "a".into();
    let graph = all(&names).add_edge(START, "a");
    let graph = names
        .windows(2)
        .fold(graph, |graph, pair| graph.add_edge(&pair[0], &pair[1]));
    compiles(graph.add_route(&names[99_999], again_or_stop), 100_000);
}

#[test]
fn a_fan_out_and_a_join() {
    let names = numbered(100_000);
    let graph = all(&names)
        .add_node("join", work)
        .add_edge(START, &names)
        .add_edge(&names, "join");
    compiles(graph, 100_001);
}

#[test]
fn a_fan_out_of_writers() {
    let names = numbered(20_000);
    let add = |graph: Builder, name| graph.add_node(name, node(work).writes("answer"));
    let graph = names.iter().fold(graph(), add).add_edge(START, &names);
    assert!(!graph.compile().unwrap().warnings().is_empty());
}

#[test]
fn layers_that_are_all_connected() {
    let (first, second) = (numbered(300), numbered(600).split_off(300));
    let mut graph = all(&first).add_edge(START, &first);
    for name in &second {
        graph = graph.add_node(name, node(work).writes("answer"));
    }
    for name in &first {
        graph = graph.add_edge(name, &second);
    }
    assert!(!graph.compile().unwrap().warnings().is_empty());
}

#[test]
fn commands_that_may_go_anywhere() {
    let names = numbered(20_000);
    let graph = names
        .iter()
        .fold(graph(), |graph, name| graph.add_node(name, command));
    compiles(
        graph
            .add_edge(START, &names[0])
            .add_edge([&names[1], &names[2]], &names[3]),
        20_000,
    );
}

#[test]
fn mistakes() {
    let (names, others) = (numbered(20_000), numbered(40_000).split_off(20_000));
    let mut graph = all(&names);
    for (name, other) in names.iter().zip(&others) {
        graph = graph.add_edge(name, other);
    }
    assert_eq!(graph.compile().unwrap_err().diagnostics().len(), 20_001);
}

#[test]
fn unreachable_nodes() {
    let names = numbered(100_000);
    let graph = all(&names).add_edge(START, &names[0]);
    assert_eq!(graph.compile().unwrap_err().diagnostics().len(), 99_999);
}
