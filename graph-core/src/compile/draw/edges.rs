//! Lines, arrowheads and captions of an SVG.

use std::fmt::Write as _;

use super::{
    Style,
    layout::Point,
    place::{Caption, FONT, LOOP, Line, Spot},
    text::{escape, number},
};

/// How far an arrowhead reaches back and to each side.
const HEAD: (f64, f64) = (9.0, 4.5);

/// The colour of a line and how it is dashed.
fn look(style: Style) -> (&'static str, &'static str) {
    match style {
        Style::Plain | Style::Join => ("#475569", ""),
        Style::Route => ("#6d28d9", " stroke-dasharray=\"6 4\""),
        Style::Send => (
            "#2563eb",
            " stroke-dasharray=\"2 4\" stroke-linecap=\"round\"",
        ),
    }
}

/// Draws one line with its arrowheads; its caption comes later, above all lines.
pub(super) fn line(out: &mut String, line: &Line, from: &Spot) {
    let (colour, dash) = look(line.style);
    let (path, tip, towards) = match line.around {
        Some((apart, reach)) => around(from, apart, reach),
        None => through(line),
    };
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>"
    );
    if line.head {
        head(out, tip, towards, colour);
        if line.style == Style::Send {
            let behind = Point {
                x: tip.x - towards.0 * 7.0,
                y: tip.y - towards.1 * 7.0,
            };
            head(out, behind, towards, colour);
        }
    }
}

/// The path along the posts of a line; its tip, and the direction in which it gets there.
fn through(line: &Line) -> (String, Point, (f64, f64)) {
    let mut path = String::new();
    let mut last: Option<Point> = None;
    let tip = line.posts.last().map_or_else(Point::default, |post| post.1);
    let before = line
        .posts
        .first()
        .map_or_else(Point::default, |post| post.0);
    let sign = if before.y <= tip.y { 1.0 } else { -1.0 };
    for (at, &(start, end)) in line.posts.iter().enumerate() {
        match last {
            None => path.extend(["M", &pair(start)]),
            Some(last) if (last.x - start.x).abs() < 0.05 => path.extend([" L", &pair(start)]),
            Some(last) => path.push_str(&curve(last, start)),
        }
        let mut end = end;
        if line.head && at + 1 == line.posts.len() {
            end.y -= sign * (HEAD.0 - 2.0);
        }
        path.extend([" L", &pair(end)]);
        last = Some(end);
    }
    (path, tip, (0.0, sign))
}

/// A curve that leaves and arrives vertically.
fn curve(from: Point, to: Point) -> String {
    let middle = f64::midpoint(from.y, to.y);
    let (leave, arrive) = (
        Point {
            x: from.x,
            y: middle,
        },
        Point { x: to.x, y: middle },
    );
    format!(" C{} {} {}", pair(leave), pair(arrive), pair(to))
}

/// A loop on the right of its node, out above its middle and back below it.
fn around(spot: &Spot, apart: f64, reach: f64) -> (String, Point, (f64, f64)) {
    let side = spot.at.x + spot.size.0 / 2.0;
    let (top, bottom) = (spot.at.y - apart, spot.at.y + apart);
    let tip = Point { x: side, y: bottom };
    let wide = (apart * 1.6).min(LOOP);
    let path = format!(
        "M{} H{} C{} {} {} H{}",
        pair(Point { x: side, y: top }),
        number(side + reach - wide / 2.0),
        pair(Point {
            x: side + reach + wide / 2.0,
            y: top
        }),
        pair(Point {
            x: side + reach + wide / 2.0,
            y: bottom
        }),
        pair(Point {
            x: side + reach - wide / 2.0,
            y: bottom
        }),
        number(side + HEAD.0 - 2.0),
    );
    (path, tip, (-1.0, 0.0))
}

/// An arrowhead with its tip here, pointing in this direction.
fn head(out: &mut String, tip: Point, towards: (f64, f64), colour: &str) {
    let back = Point {
        x: tip.x - towards.0 * HEAD.0,
        y: tip.y - towards.1 * HEAD.0,
    };
    let aside = (towards.1 * HEAD.1, towards.0 * HEAD.1);
    let _ = writeln!(
        out,
        "<path d=\"M{} L{} L{} Z\" fill=\"{colour}\"/>",
        pair(tip),
        pair(Point {
            x: back.x + aside.0,
            y: back.y + aside.1
        }),
        pair(Point {
            x: back.x - aside.0,
            y: back.y - aside.1
        }),
    );
}

/// Draws a caption, on a patch of the ground so that its line does not strike it through.
pub(super) fn caption(out: &mut String, caption: &Caption, style: Style) {
    let Caption { at, size, text } = caption;
    let _ = writeln!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#ffffff\"/>",
        number(at.x - size.0 / 2.0 + 1.0),
        number(at.y - size.1 / 2.0 + 1.0),
        number(size.0 - 2.0),
        number(size.1 - 2.0),
    );
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\" text-anchor=\"middle\">{}</text>",
        number(at.x),
        number(at.y + FONT.1 * 0.35),
        FONT.1,
        look(style).0,
        escape(text),
    );
}

/// A point as a path takes it.
fn pair(point: Point) -> String {
    format!("{},{}", number(point.x), number(point.y))
}
