//! From a picture to boxes, captions and lines with coordinates.

#![expect(
    clippy::cast_precision_loss,
    reason = "the edges of one node are far fewer than 2^52"
)]

use super::{
    Kind, Picture, PictureEdge, PictureNode, Style, frame,
    layers::{Ends, Layers},
    layout::{Layout, Point, Size, Way, layout},
    text,
};

/// The font sizes of nodes and of captions.
pub(super) const FONT: (f64, f64) = (14.0, 12.0);
/// The widest a label and a caption are written.
const WIDEST: (f64, f64) = (260.0, 180.0);
/// How far each sheet of a worker stands out behind the one before it.
pub(super) const SHEET: f64 = 4.0;
/// How tall the strip is that a label takes up above what is drawn in its box.
pub(super) const TITLE: f64 = 34.0;
/// How far a loop from a node to itself reaches out.
pub(super) const LOOP: f64 = 34.0;

/// A box, written and placed.
#[derive(Debug)]
pub(super) struct Spot {
    /// What is written in it, cut to fit.
    pub(super) label: String,
    /// What it stands for.
    pub(super) kind: Kind,
    /// Its centre.
    pub(super) at: Point,
    /// Its size.
    pub(super) size: Size,
    /// What is drawn in it.
    pub(super) inside: Option<Placed>,
}

impl Spot {
    /// The middle of the line on which its label is written.
    pub(super) fn line(&self) -> f64 {
        match self.inside {
            None => self.at.y,
            Some(_) => self.at.y - self.size.1 / 2.0 + TITLE / 2.0 + frame::sheet(self.kind),
        }
    }
}

/// A caption, written and placed.
#[derive(Debug)]
pub(super) struct Caption {
    /// What is written, cut to fit.
    pub(super) text: String,
    /// Its centre.
    pub(super) at: Point,
    /// Its size.
    pub(super) size: Size,
}

/// An edge, placed.
#[derive(Debug)]
pub(super) struct Line {
    /// The node it leaves.
    pub(super) from: usize,
    /// How it is drawn.
    pub(super) style: Style,
    /// Whether it ends in an arrowhead.
    pub(super) head: bool,
    /// What is written on it.
    pub(super) caption: Option<Caption>,
    /// From where to where; vertical between the points of a pair, curved from pair to pair.
    pub(super) posts: Vec<(Point, Point)>,
    /// Leads from a node back to itself, to the right of it: how far from its middle and how far out.
    pub(super) around: Option<(f64, f64)>,
}

/// Everything in its place.
#[derive(Debug)]
pub(super) struct Placed {
    /// The boxes, by node.
    pub(super) spots: Vec<Spot>,
    /// The lines.
    pub(super) lines: Vec<Line>,
}

/// Places a whole picture.
pub(super) fn place(picture: &Picture) -> Placed {
    let edges = picture.drawable();
    let ends: Vec<Ends> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let nodes = picture.nodes.iter();
    let labels: Vec<String> = nodes
        .clone()
        .map(|node| text::fit(&node.label, FONT.0, WIDEST.0))
        .collect();
    let insides: Vec<Option<Placed>> = nodes
        .map(|node| node.inside.as_deref().map(place))
        .collect();
    let sizes = sizes(picture, &ends, &labels, &insides);
    let captions: Vec<Option<String>> = edges
        .iter()
        .map(|edge| {
            edge.caption()
                .map(|caption| text::fit(&caption, FONT.1, WIDEST.1))
        })
        .collect();
    let rooms: Vec<Size> = edges
        .iter()
        .zip(&captions)
        .map(|(edge, caption)| room(edge, caption.as_deref()))
        .collect();
    let captioned: Vec<bool> = captions.iter().map(Option::is_some).collect();
    let layers = Layers::new(picture.nodes.len(), &ends, &captioned);
    let layout = layout(&sizes, &ends, &rooms, &layers);
    let labelled = labels.into_iter().zip(insides).enumerate();
    let spot = |(id, (label, inside)): (usize, (String, Option<Placed>))| {
        let mut spot = Spot {
            label,
            kind: picture.nodes[id].kind,
            at: layout.nodes[id],
            size: sizes[id],
            inside,
        };
        frame::settle(&mut spot);
        spot
    };
    let spots: Vec<Spot> = labelled.map(spot).collect();
    let ports = ports(&spots, &ends, &layout, &layers);
    let lines = edges
        .iter()
        .zip(captions)
        .enumerate()
        .map(|(at, (edge, caption))| Line {
            from: edge.from,
            style: edge.style,
            head: !picture.ends_at_bar(edge),
            posts: posts(&spots, ends[at], ports[at], &layout.ways[at], &layout.reach),
            around: (edge.from == edge.to).then(|| around(&spots, &ends, at, &rooms)),
            caption: caption.map(|text| {
                write(
                    text,
                    &spots,
                    ends[at],
                    layout.ways[at].caption,
                    beside(&ends, at, &rooms),
                )
            }),
        });
    let lines = lines.collect();
    Placed { spots, lines }
}

/// The sizes of the boxes with these labels, in which these pictures are drawn.
fn sizes(
    picture: &Picture,
    ends: &[Ends],
    labels: &[String],
    insides: &[Option<Placed>],
) -> Vec<Size> {
    let nodes = picture.nodes.iter().zip(labels).zip(insides);
    let size =
        |(id, ((node, label), inside)): (usize, ((&PictureNode, &String), &Option<Placed>))| {
            match inside {
                Some(inside) => frame::around(inside, label, node.kind),
                None => {
                    let lines = ends.iter().filter(|ends| ends.1 == id).count();
                    node_size(node, label, lines)
                }
            }
        };
    nodes.enumerate().map(size).collect()
}

/// The size of a node's box; a join bar is as wide as its lines need.
fn node_size(node: &PictureNode, label: &str, lines: usize) -> Size {
    let written = text::width(label, FONT.0);
    match node.kind {
        Kind::Start | Kind::End => Size((written + 36.0).max(64.0), 34.0),
        Kind::Node => Size((written + 30.0).max(64.0), 40.0),
        Kind::Deferred => Size((written + 52.0).max(84.0), 40.0),
        Kind::Worker => Size((written + 30.0).max(64.0), 40.0 + 2.0 * SHEET),
        Kind::Join => Size((lines as f64 * 18.0 + 24.0).clamp(60.0, 180.0), 6.0),
    }
}

/// The size of a caption with some air around it.
fn caption_size(caption: &str) -> Size {
    Size(text::width(caption, FONT.1) + 10.0, 20.0)
}

/// The room an edge needs for its caption, and a loop for itself.
fn room(edge: &PictureEdge, caption: Option<&str>) -> Size {
    let size = caption.map_or_else(Size::default, caption_size);
    if edge.from == edge.to {
        Size(size.0 + LOOP, size.1.max(28.0))
    } else {
        size
    }
}

/// For each edge, where it leaves and where it enters, from left to right: lines to one side of a box
/// stand in the order of where they come from, so that they do not cross in front of it.
fn ports(spots: &[Spot], ends: &[Ends], layout: &Layout, layers: &Layers) -> Vec<(f64, f64)> {
    // for each node the ends of edges above it and below it: where they head, which edge, which end
    let mut sides: Vec<[Vec<(f64, usize, bool)>; 2]> =
        spots.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for (at, &(from, to)) in ends.iter().enumerate() {
        if from == to {
            continue;
        }
        let bends = &layout.ways[at].bends;
        let first = bends.first().map_or(spots[to].at.x, |bend| bend.0.x);
        let last = bends.last().map_or(spots[from].at.x, |bend| bend.0.x);
        let below = usize::from(!layers.back[at]);
        sides[from][below].push((first, at, false));
        sides[to][1 - below].push((last, at, true));
    }
    let mut ports = vec![(0.0, 0.0); ends.len()];
    for (spot, sides) in spots.iter().zip(&mut sides) {
        for side in sides {
            side.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            let gaps = side.len().saturating_sub(1) as f64;
            let gap = (spot.size.0 - 28.0).max(0.0) / gaps.max(1.0);
            let gap = gap.min(18.0);
            for (place, &(_, at, entering)) in side.iter().enumerate() {
                let x = spot.at.x + (place as f64 - gaps / 2.0) * gap;
                if entering {
                    ports[at].1 = x;
                } else {
                    ports[at].0 = x;
                }
            }
        }
    }
    ports
}

/// The vertical pieces of an edge: out of its source, past each row between, into its target.
fn posts(
    spots: &[Spot],
    ends: Ends,
    (leave, enter): (f64, f64),
    way: &Way,
    reach: &[f64],
) -> Vec<(Point, Point)> {
    if ends.0 == ends.1 {
        return Vec::new();
    }
    let (from, to) = (&spots[ends.0], &spots[ends.1]);
    let sign = if from.at.y <= to.at.y { 1.0 } else { -1.0 };
    let point = |x: f64, y: f64| Point { x, y };
    let mut pieces = vec![(
        point(leave, from.at.y + sign * from.size.1 / 2.0),
        point(leave, from.at.y + sign * reach[ends.0]),
    )];
    pieces.extend(&way.bends);
    pieces.push((
        point(enter, to.at.y - sign * reach[ends.1]),
        point(enter, to.at.y - sign * to.size.1 / 2.0),
    ));
    pieces
}

/// A loop on the right of its node: how far from its middle it leaves and enters, and how far out it goes.
///
/// The layout keeps this much room to the right of the box, but may put it farther out than it need be.
fn around(spots: &[Spot], ends: &[Ends], at: usize, rooms: &[Size]) -> (f64, f64) {
    let earlier = ends[..at]
        .iter()
        .filter(|&&other| other == ends[at])
        .count() as f64;
    let apart = (8.0 + 5.0 * earlier).min(spots[ends[at].0].size.1 / 2.0 - 4.0);
    (apart.max(2.0), beside(ends, at, rooms) + LOOP - 14.0)
}

/// The room that the earlier loops of the same node take up beside it.
fn beside(ends: &[Ends], at: usize, rooms: &[Size]) -> f64 {
    (0..at)
        .filter(|&other| ends[other] == ends[at])
        .map(|other| rooms[other].0)
        .sum()
}

/// A caption where the layout kept room for it, beside its loop, or in the middle of a straight line.
fn write(text: String, spots: &[Spot], ends: Ends, kept: Option<Point>, beside: f64) -> Caption {
    let size = caption_size(&text);
    let (from, to) = (&spots[ends.0], &spots[ends.1]);
    let at = if ends.0 == ends.1 {
        Point {
            x: from.at.x + from.size.0 / 2.0 + beside + LOOP + size.0 / 2.0 - 6.0,
            y: from.at.y,
        }
    } else {
        kept.unwrap_or(Point {
            x: f64::midpoint(from.at.x, to.at.x),
            y: f64::midpoint(from.at.y, to.at.y),
        })
    };
    Caption { text, at, size }
}
