//! DOT, for Graphviz and what else reads it.

use std::fmt::Write as _;

use super::{Kind, Picture, PictureEdge, PictureNode, Style};

/// What holds for the whole graph, all nodes and all edges.
const DEFAULTS: &str = "    graph [rankdir=TB, nodesep=0.4, ranksep=0.5, bgcolor=\"white\", fontname=\"Helvetica\"]
    node [shape=box, style=\"rounded,filled\", fillcolor=\"#f8fafc\", color=\"#64748b\", fontcolor=\"#0f172a\", fontname=\"Helvetica\", fontsize=12]
    edge [color=\"#475569\", fontcolor=\"#334155\", fontname=\"Helvetica\", fontsize=10, arrowsize=0.7]
";

/// The picture as a DOT digraph.
pub(crate) fn dot(picture: &Picture) -> String {
    let mut out = String::from("digraph {\n");
    out.push_str(DEFAULTS);
    if !picture.title.trim().is_empty() {
        let _ = writeln!(out, "    label={}\n    labelloc=t", quote(&picture.title));
    }
    parts(&mut out, picture, "n", "    ");
    out.push_str("}\n");
    out
}

/// The nodes and edges of a picture whose ids begin with `ids`.
fn parts(out: &mut String, picture: &Picture, ids: &str, indent: &str) {
    for (id, node) in picture.nodes.iter().enumerate() {
        let (id, label) = (format!("{ids}{id}"), quote(&node.label));
        match &node.inside {
            None => {
                let _ = writeln!(out, "{indent}{id} [label={label}{}]", look(node));
            }
            Some(inside) => {
                let look = around(node);
                let _ = writeln!(out, "{indent}subgraph cluster_{id} {{");
                let _ = writeln!(out, "{indent}    graph [label={label}, {look}]");
                parts(out, inside, &format!("{id}_"), &format!("{indent}    "));
                let _ = writeln!(out, "{indent}}}");
            }
        }
    }
    for edge in picture.drawable() {
        let (from, to) = (picture.exit(ids, edge.from), picture.entry(ids, edge.to));
        let _ = writeln!(out, "{indent}{from} -> {to}{}", line(picture, edge));
    }
}

/// The attributes of a node in which something is drawn, besides its label.
fn around(node: &PictureNode) -> &'static str {
    match node.kind {
        Kind::Deferred => {
            "style=\"rounded,filled,dashed\", fillcolor=\"#fffbeb\", color=\"#b45309\""
        }
        Kind::Worker => "style=\"rounded,filled\", fillcolor=\"#eff6ff\", color=\"#2563eb\"",
        Kind::Start | Kind::End | Kind::Node | Kind::Join => {
            "style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#64748b\""
        }
    }
}

/// The attributes of a node besides its label.
fn look(node: &PictureNode) -> &'static str {
    match node.kind {
        Kind::Start => {
            ", shape=oval, style=filled, fillcolor=\"#334155\", color=\"#334155\", fontcolor=\"#ffffff\""
        }
        Kind::End => {
            ", shape=oval, style=filled, fillcolor=\"#e2e8f0\", color=\"#334155\", penwidth=2"
        }
        Kind::Node => "",
        Kind::Deferred => {
            ", style=\"rounded,filled,dashed\", fillcolor=\"#fffbeb\", color=\"#b45309\""
        }
        Kind::Worker => ", peripheries=2, fillcolor=\"#eff6ff\", color=\"#2563eb\"",
        Kind::Join => {
            ", style=filled, fillcolor=\"#475569\", color=\"#475569\", width=0.9, height=0.06, fixedsize=true"
        }
    }
}

/// The attributes of an edge, in brackets; empty for a plain one.
fn line(picture: &Picture, edge: &PictureEdge) -> String {
    let mut attributes = Vec::new();
    if let Some(caption) = edge.caption() {
        attributes.push(format!("label={}", quote(&format!(" {caption} "))));
    }
    match edge.style {
        Style::Plain | Style::Join => {}
        Style::Route => attributes.push("style=dashed, color=\"#6d28d9\"".to_owned()),
        Style::Send => {
            attributes.push("style=dashed, color=\"#2563eb\", arrowhead=normalnormal".to_owned());
        }
    }
    if picture.ends_at_bar(edge) {
        attributes.push("arrowhead=none".to_owned());
    }
    if attributes.is_empty() {
        String::new()
    } else {
        format!(" [{}]", attributes.join(", "))
    }
}

/// A string in double quotes; a label also reads entities and backslashes, so both are escaped.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '&' => out.push_str("&amp;"),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}
