//! Mermaid flowcharts, for what renders them: forges, documentation sites, editors.

use std::fmt::Write as _;

use super::{Kind, Picture, PictureEdge, PictureNode, Style};

/// The looks of the kinds; text and line are set together with the fill, so that a dark page does not change one alone.
const CLASSES: &str = "    classDef start fill:#334155,stroke:#334155,color:#ffffff
    classDef finish fill:#e2e8f0,stroke:#334155,color:#0f172a,stroke-width:3px
    classDef node fill:#f8fafc,stroke:#64748b,color:#0f172a
    classDef deferred fill:#fffbeb,stroke:#b45309,color:#0f172a,stroke-dasharray:5 4
    classDef worker fill:#eff6ff,stroke:#2563eb,color:#0f172a
    classDef join fill:#475569,stroke:#475569,color:#475569
";

/// The looks of a graph that is a node, with what is inside it.
const NESTED: &str = "    classDef nested fill:#ffffff,stroke:#64748b,color:#0f172a\n";

/// The picture as a Mermaid flowchart.
pub(crate) fn mermaid(picture: &Picture) -> String {
    let mut out = String::new();
    if !picture.title.trim().is_empty() {
        let _ = writeln!(out, "---\ntitle: \"{}\"\n---", yaml(&picture.title));
    }
    out.push_str("flowchart TD\n");
    parts(&mut out, picture, "n", "    ");
    if !picture.nodes.is_empty() {
        out.push_str(CLASSES);
    }
    if picture.nests() {
        out.push_str(NESTED);
    }
    out
}

/// The nodes and edges of a picture whose ids begin with `ids`.
fn parts(out: &mut String, picture: &Picture, ids: &str, indent: &str) {
    for (id, node) in picture.nodes.iter().enumerate() {
        let id = format!("{ids}{id}");
        match &node.inside {
            None => {
                for line in shape(&id, node) {
                    let _ = writeln!(out, "{indent}{line}");
                }
            }
            Some(inside) => {
                let label = escape(&node.label);
                let _ = writeln!(out, "{indent}subgraph {id}[\"{label}\"]");
                parts(out, inside, &format!("{id}_"), &format!("{indent}    "));
                let _ = writeln!(out, "{indent}end\n{indent}class {id} {}", class(node));
            }
        }
    }
    for edge in picture.drawable() {
        let _ = writeln!(out, "{indent}{}", arrow(picture, edge, ids));
    }
}

/// One node with its shape and class.
fn shape(id: &str, node: &PictureNode) -> Vec<String> {
    let label = escape(&node.label);
    match node.kind {
        Kind::Start => vec![format!("{id}([\"{label}\"]):::start")],
        Kind::End => vec![format!("{id}([\"{label}\"]):::finish")],
        Kind::Node => vec![format!("{id}(\"{label}\"):::node")],
        Kind::Deferred => vec![format!("{id}(\"{label}\"):::deferred")],
        Kind::Worker => vec![
            format!("{id}@{{ shape: processes, label: \"{label}\" }}"),
            format!("class {id} worker"),
        ],
        Kind::Join => vec![
            format!("{id}@{{ shape: fork, label: \" \" }}"),
            format!("class {id} join"),
        ],
    }
}

/// The class of a node in which something is drawn.
fn class(node: &PictureNode) -> &'static str {
    match node.kind {
        Kind::Deferred => "deferred",
        Kind::Worker => "worker",
        Kind::Start | Kind::End | Kind::Node | Kind::Join => "nested",
    }
}

/// One edge with its caption.
fn arrow(picture: &Picture, edge: &PictureEdge, ids: &str) -> String {
    let line = match edge.style {
        Style::Plain | Style::Join if picture.ends_at_bar(edge) => "---",
        Style::Plain | Style::Join => "-->",
        Style::Route | Style::Send => "-.->",
    };
    let caption = edge
        .caption()
        .map_or_else(String::new, |text| format!("|\"{}\"|", escape(&text)));
    let from = picture.exit(ids, edge.from);
    format!("{from} {line}{caption} {}", picture.entry(ids, edge.to))
}

/// A label as Mermaid takes it in quotes: what its Markdown or its HTML would read is given by number.
fn escape(label: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = label.chars().peekable();
    while let Some(character) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let inside_word = before.is_alphanumeric() && after.is_alphanumeric();
        match character {
            character if character.is_whitespace() || character.is_control() => out.push(' '),
            '_' | '-' | '/' | ':' | '.' | ',' if inside_word => out.push(character),
            ':' if before == ':' || after == ':' => out.push(character),
            character if character.is_ascii_punctuation() => {
                let _ = write!(out, "#{};", u32::from(character));
            }
            character => out.push(character),
        }
        before = character;
    }
    if out.trim().is_empty() {
        " ".to_owned()
    } else {
        out
    }
}

/// A title as it stands between double quotes in YAML.
fn yaml(title: &str) -> String {
    let mut out = String::new();
    for character in title.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}
