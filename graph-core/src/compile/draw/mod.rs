//! Pictures of a graph: Mermaid and DOT as text for other programs to lay out, and SVG laid out here.
//!
//! All three writers take the same [`Picture`] and give the same text for the same picture.

mod columns;
mod dot;
mod edges;
mod frame;
mod layers;
mod layout;
mod mermaid;
mod place;
mod svg;
mod text;

pub(crate) use self::{
    dot::dot,
    mermaid::mermaid,
    svg::svg,
    text::{escape, fit, number, width as text_width},
};

/// A graph as something to look at; the index of a node is its id.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// What the whole picture is called.
    pub(crate) title: String,
    /// The boxes, in the order in which they were declared.
    pub(crate) nodes: Vec<PictureNode>,
    /// The arrows; one whose ends are not both nodes is left out.
    pub(crate) edges: Vec<PictureEdge>,
}

/// One box of a picture.
#[derive(Debug, Clone)]
pub(crate) struct PictureNode {
    /// What is written in the box.
    pub(crate) label: String,
    /// What the box stands for.
    pub(crate) kind: Kind,
    /// What is drawn in it, of a graph that is a node; its first node is `START`.
    pub(crate) inside: Option<Box<Picture>>,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Where every run begins.
    Start,
    /// Where a run is over.
    End,
    /// An ordinary node.
    Node,
    /// A node that waits until nothing else is left to run.
    Deferred,
    /// A node that runs once for each value sent to it.
    Worker,
    /// The bar where the sources of a wait-for-all join meet; its label is empty.
    Join,
}

/// One arrow of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureEdge {
    /// The node it leaves.
    pub(crate) from: usize,
    /// The node it enters.
    pub(crate) to: usize,
    /// How it is drawn.
    pub(crate) style: Style,
    /// What is written on it.
    pub(crate) label: Option<String>,
}

/// How an arrow is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Style {
    /// Always taken.
    Plain,
    /// Taken when a router chooses it.
    Route,
    /// One task for each value, to a worker.
    Send,
    /// Into or out of a join bar.
    Join,
}

impl Picture {
    /// The edges that can be drawn: both ends are nodes, and none is there twice.
    fn drawable(&self) -> Vec<&PictureEdge> {
        let mut kept: Vec<&PictureEdge> = Vec::new();
        let mut seen = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            if edge.to >= self.nodes.len() {
                continue;
            }
            let Some(leaving) = seen.get_mut(edge.from) else {
                continue;
            };
            if leaving.iter().any(|&at: &usize| kept[at] == edge) {
                continue;
            }
            leaving.push(kept.len());
            kept.push(edge);
        }
        kept
    }

    /// The same, of a graph that is a node: what leads nowhere leads to `END`, so that its runs can be seen to end.
    pub(crate) fn with_end(mut self) -> Self {
        let mut leads = vec![false; self.nodes.len()];
        for edge in &self.edges {
            leads[edge.from] = true;
        }
        let end = self.end().unwrap_or_else(|| {
            self.nodes.push(PictureNode {
                label: "END".to_owned(),
                kind: Kind::End,
                inside: None,
            });
            self.nodes.len() - 1
        });
        let last = (0..leads.len()).filter(|&node| node != end && !leads[node]);
        self.edges.extend(last.map(|from| PictureEdge {
            from,
            to: end,
            style: Style::Plain,
            label: None,
        }));
        self
    }

    /// Where its runs end, if that is drawn.
    fn end(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.kind == Kind::End)
    }

    /// The id of the box by which edges enter a node: one that has something inside is entered at its `START`.
    fn entry(&self, ids: &str, node: usize) -> String {
        match self.nodes[node].inside {
            None => format!("{ids}{node}"),
            Some(_) => format!("{ids}{node}_0"),
        }
    }

    /// The id of the box by which edges leave a node: one that has something inside is left at its `END`.
    fn exit(&self, ids: &str, node: usize) -> String {
        match &self.nodes[node].inside {
            None => format!("{ids}{node}"),
            Some(inside) => format!("{ids}{node}_{}", inside.end().unwrap_or_default()),
        }
    }

    /// Whether something is drawn in a box of it.
    fn nests(&self) -> bool {
        self.nodes.iter().any(|node| node.inside.is_some())
    }

    /// Whether the edge ends in a join bar, where it needs no arrowhead.
    fn ends_at_bar(&self, edge: &PictureEdge) -> bool {
        self.nodes[edge.to].kind == Kind::Join
    }
}

impl PictureEdge {
    /// What is written on the edge: a send always says that it is one task for each value.
    fn caption(&self) -> Option<String> {
        let label = self
            .label
            .as_deref()
            .filter(|label| !label.trim().is_empty());
        match (self.style, label) {
            (Style::Send, None | Some("each")) => Some("each".to_owned()),
            (Style::Send, Some(label)) => Some(format!("each: {label}")),
            (_, label) => label.map(str::to_owned),
        }
    }
}
