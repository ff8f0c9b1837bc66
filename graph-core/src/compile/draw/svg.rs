//! SVG that stands for itself: no script, no style sheet, no font but the reader's.

use std::fmt::Write as _;

use super::{
    Kind, Picture, PictureNode, edges,
    frame::frame,
    layout::Point,
    place::{FONT, Placed, SHEET, Spot, place},
    text::{escape, number},
};

/// The space around everything.
const MARGIN: f64 = 20.0;
/// The reader's own font.
const FAMILY: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// The picture as an SVG document.
pub(crate) fn svg(picture: &Picture) -> String {
    let placed = place(picture);
    let (corner, size) = frame(&placed);
    let (x, y, width, height) = (
        number(corner.x - MARGIN),
        number(corner.y - MARGIN),
        number(size.0 + 2.0 * MARGIN),
        number(size.1 + 2.0 * MARGIN),
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"{x} {y} {width} {height}\" font-family=\"{FAMILY}\">\n<title>{}</title>\n\
         <rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n",
        escape(&picture.title),
    );
    parts(&mut out, &placed, picture);
    out.push_str("</svg>\n");
    out
}

/// Draws all that a picture has.
fn parts(out: &mut String, placed: &Placed, picture: &Picture) {
    for line in &placed.lines {
        edges::line(out, line, &placed.spots[line.from]);
    }
    for (spot, node) in placed.spots.iter().zip(&picture.nodes) {
        draw(out, spot, node);
    }
    for line in &placed.lines {
        if let Some(caption) = &line.caption {
            edges::caption(out, caption, line.style);
        }
    }
}

/// Draws one node; where its label had to be cut, the whole of it shows on pointing at it.
fn draw(out: &mut String, spot: &Spot, node: &PictureNode) {
    let whole = node.label.as_str();
    out.push_str("<g>\n");
    if spot.label != whole && !whole.trim().is_empty() {
        let _ = writeln!(out, "<title>{}</title>", escape(whole));
    }
    match spot.kind {
        Kind::Start => pane(
            out,
            spot,
            spot.size.1 / 2.0,
            "fill=\"#334155\" stroke=\"#334155\"",
        ),
        Kind::End => {
            pane(
                out,
                spot,
                spot.size.1 / 2.0,
                "fill=\"#ffffff\" stroke=\"#334155\" stroke-width=\"1.5\"",
            );
            let inner = Spot {
                label: String::new(),
                kind: spot.kind,
                at: spot.at,
                size: spot.size.less(6.0),
                inside: None,
            };
            pane(
                out,
                &inner,
                inner.size.1 / 2.0,
                "fill=\"#e2e8f0\" stroke=\"#334155\"",
            );
        }
        Kind::Node => pane(
            out,
            spot,
            8.0,
            "fill=\"#f8fafc\" stroke=\"#64748b\" stroke-width=\"1.5\"",
        ),
        Kind::Deferred => {
            let look =
                "fill=\"#fffbeb\" stroke=\"#b45309\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"";
            pane(out, spot, 8.0, look);
            clock(
                out,
                Point {
                    x: spot.at.x - spot.size.0 / 2.0 + 19.0,
                    y: spot.line(),
                },
            );
        }
        Kind::Worker => sheets(out, spot),
        Kind::Join => pane(out, spot, 3.0, "fill=\"#475569\""),
    }
    label(out, spot);
    if let (Some(placed), Some(picture)) = (&spot.inside, &node.inside) {
        parts(out, placed, picture);
    }
    out.push_str("</g>\n");
}

/// A rectangle with round corners.
fn pane(out: &mut String, spot: &Spot, round: f64, look: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" {look}/>",
        number(spot.at.x - spot.size.0 / 2.0),
        number(spot.at.y - spot.size.1 / 2.0),
        number(spot.size.0),
        number(spot.size.1),
        number(round),
    );
}

/// A worker: three sheets, each peeping out from behind the next.
fn sheets(out: &mut String, spot: &Spot) {
    let size = spot.size.less(2.0 * SHEET);
    for step in [1.0, 0.0, -1.0] {
        let at = Point {
            x: spot.at.x + step * SHEET,
            y: spot.at.y - step * SHEET,
        };
        let sheet = Spot {
            label: String::new(),
            kind: spot.kind,
            at,
            size,
            inside: None,
        };
        pane(
            out,
            &sheet,
            8.0,
            "fill=\"#eff6ff\" stroke=\"#2563eb\" stroke-width=\"1.5\"",
        );
    }
}

/// A small clock: what waits.
fn clock(out: &mut String, at: Point) {
    let (x, y) = (number(at.x), number(at.y));
    let _ = writeln!(
        out,
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"#ffffff\" stroke=\"#b45309\" stroke-width=\"1.5\"/>\n\
         <path d=\"M{x},{} V{y} H{}\" fill=\"none\" stroke=\"#b45309\" stroke-width=\"1.5\" stroke-linecap=\"round\"/>",
        number(at.y - 4.0),
        number(at.x + 3.0),
    );
}

/// What is written in a node.
fn label(out: &mut String, spot: &Spot) {
    if spot.label.is_empty() {
        return;
    }
    let (aside, lower, colour, weight) = match spot.kind {
        Kind::Start => (0.0, 0.0, "#ffffff", " font-weight=\"600\""),
        Kind::End => (0.0, 0.0, "#0f172a", " font-weight=\"600\""),
        Kind::Deferred => (11.0, 0.0, "#0f172a", ""),
        Kind::Worker => (-SHEET, SHEET, "#0f172a", ""),
        Kind::Node | Kind::Join => (0.0, 0.0, "#0f172a", ""),
    };
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{colour}\" text-anchor=\"middle\"{weight}>{}</text>",
        number(spot.at.x + aside),
        number(spot.line() + lower + FONT.0 * 0.35),
        FONT.0,
        escape(&spot.label),
    );
}
