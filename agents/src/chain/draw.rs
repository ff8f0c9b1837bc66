//! Drawings of chains: a chain is drawn as the graph that has its steps as nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use superstep_core::{END, Graph, START, Schema, State, StateGraph, Update, View, WriteKind};

use super::chain::Chain;
use super::plan::{Fields, Plan};

impl<I, O> Chain<I, O> {
    /// The chain as a Mermaid flowchart, drawn as the graph would be that has its
    /// steps as nodes. One whose parts do not fit together is drawn all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Chain, map, parallel, passthrough, prompt};
    ///
    /// let chain: Chain<&str, _> = parallel! { length: map(|text: &str| text.len()), text: passthrough() }
    ///     | prompt("{text} has {length} letters");
    /// let drawn = chain.to_mermaid();
    /// assert!(drawn.contains("length.map") && drawn.contains("prompt"));
    /// ```
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        self.drawn().to_mermaid()
    }

    /// The chain in DOT, for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        self.drawn().to_dot()
    }

    /// The chain as SVG.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.drawn().to_svg()
    }

    fn drawn(&self) -> Graph<Drawn> {
        let mut drawing = Drawing::default();
        let ends = drawing.plan(&self.plan, vec![START.to_owned()]);
        ends.iter().for_each(|end| drawing.edge(end, END));
        let graph = drawing.into_graph().compile();
        graph.expect("every chain makes a sound graph")
    }
}

#[derive(Default)]
struct Drawing {
    nodes: Vec<String>,
    /// Those after which one of several follows.
    choices: BTreeSet<String>,
    edges: Vec<(String, String)>,
    inside: Vec<String>,
    /// Those that run only if they are chosen.
    optional: BTreeSet<String>,
    n_choices: usize,
}

impl Drawing {
    /// Draws the part after those nodes; which nodes it ends with.
    fn plan(&mut self, plan: &Plan, after: Vec<String>) -> Vec<String> {
        match plan {
            Plan::Step { label, .. } | Plan::Passes { label } => self.node(label, &after),
            Plan::Text { label } => self.node(label, &after),
            Plan::Prompt(_) => self.node("prompt", &after),
            Plan::Pick { name, .. } => self.node(&format!("pick {name}"), &after),
            Plan::Pipe(first, next) => {
                let between = self.plan(first, after);
                self.plan(next, between)
            }
            Plan::Parallel {
                branches, gives, ..
            } => {
                let mut ends: Vec<String> = branches
                    .iter()
                    .flat_map(|(name, branch)| self.within(name, branch, &after))
                    .collect();
                if *gives == Fields::Beside {
                    ends.extend(self.node("passthrough", &after));
                }
                ends
            }
            Plan::Choice { label, ways } => {
                let chooses = self.node(label, &after);
                self.choices.extend(chooses.iter().cloned());
                self.n_choices += 1;
                let ways = ways.iter();
                let ends = ways.flat_map(|(name, way)| self.within(name, way, &chooses));
                let ends = ends.collect();
                self.n_choices -= 1;
                ends
            }
            Plan::Each(of) => self.within("each", of, &after),
            Plan::Named { name, of } => self.within(name, of, &after),
            Plan::Policy { of, .. } => self.plan(of, after),
        }
    }

    fn within(&mut self, name: &str, plan: &Arc<Plan>, after: &[String]) -> Vec<String> {
        self.inside.push(name.to_owned());
        let ends = self.plan(plan, after.to_vec());
        self.inside.pop();
        ends
    }

    fn node(&mut self, label: &str, after: &[String]) -> Vec<String> {
        let inside = self.inside.iter().map(String::as_str);
        let path: Vec<&str> = inside.chain([label]).collect();
        // What is part of a path of tasks, or of no name, is none of a node's.
        let path = path
            .join(".")
            .replace(|c: char| c == '/' || c.is_control(), "_");
        let path = path.trim().to_owned();
        let numbers = (2..).map(|number| format!("{path} {number}"));
        let mut names = [path.clone()].into_iter().chain(numbers);
        let name = names
            .find(|name| !self.nodes.contains(name))
            .unwrap_or_default();
        self.nodes.push(name.clone());
        if self.n_choices > 0 {
            self.optional.insert(name.clone());
        }
        after.iter().for_each(|before| self.edge(before, &name));
        vec![name]
    }

    fn edge(&mut self, from: &str, to: &str) {
        self.edges.push((from.to_owned(), to.to_owned()));
    }

    fn into_graph(self) -> StateGraph<Drawn> {
        let mut graph = StateGraph::<Drawn>::new("chain");
        for node in &self.nodes {
            graph = graph.add_node(node, async |_: View<Drawn>| {});
        }
        for to in self.nodes.iter().map(String::as_str).chain([END]) {
            let into = self.edges.iter().filter(|(_, end)| end == to);
            let into = into.map(|(from, _)| from.as_str());
            let from: Vec<&str> = into.filter(|from| !self.choices.contains(*from)).collect();
            let waits = to != END && from.iter().all(|from| !self.optional.contains(*from));
            graph = match waits && from.len() > 1 {
                true => graph.add_edge(from, to),
                false => from
                    .iter()
                    .fold(graph, |graph, from| graph.add_edge(*from, to)),
            };
        }
        for from in &self.choices {
            let out = self.edges.iter().filter(|(begin, _)| begin == from);
            let targets: Vec<&str> = out.map(|(_, to)| to.as_str()).collect();
            graph = graph.add_conditional_edges(from, |_: &Drawn| END, targets);
        }
        graph
    }
}

/// The state of graphs that are drawn and never run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Drawn {}

/// What nodes write that never run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Nothing {}

impl State for Drawn {
    type Update = Nothing;

    fn schema() -> &'static Schema {
        const { &Schema::new("Drawn", &[]) }
    }
}

impl Update for Nothing {
    type State = Drawn;

    fn writes(&self, _: &mut dyn FnMut(usize, WriteKind)) {}

    fn apply(&mut self, _: &mut Drawn, _: &mut usize) {}

    fn extend(&mut self, _: Self) {}

    fn undo(&self, _: &Drawn) -> Self {
        Self {}
    }

    fn reset(_: &mut Drawn, _: usize) {}
}
