//! What a picture takes up, and putting one into a box of another.

use super::{
    Kind,
    layout::{Point, Size},
    place::{FONT, Placed, SHEET, Spot, TITLE},
    text,
};

/// The space between a box and what is drawn in it.
const PAD: f64 = 16.0;

/// The upper left corner of what is drawn, and its size.
pub(super) fn frame(placed: &Placed) -> (Point, Size) {
    let mut low = Point {
        x: f64::INFINITY,
        y: f64::INFINITY,
    };
    let mut high = Point {
        x: f64::NEG_INFINITY,
        y: f64::NEG_INFINITY,
    };
    let mut hold = |at: Point, wide: f64, tall: f64| {
        low = Point {
            x: low.x.min(at.x - wide),
            y: low.y.min(at.y - tall),
        };
        high = Point {
            x: high.x.max(at.x + wide),
            y: high.y.max(at.y + tall),
        };
    };
    for spot in &placed.spots {
        hold(spot.at, spot.size.0 / 2.0, spot.size.1 / 2.0);
    }
    for line in &placed.lines {
        if let Some(caption) = &line.caption {
            hold(caption.at, caption.size.0 / 2.0, caption.size.1 / 2.0);
        }
        for post in &line.posts {
            hold(post.0, 2.0, 0.0);
            hold(post.1, 2.0, 0.0);
        }
        if let Some((apart, reach)) = line.around {
            let spot = &placed.spots[line.from];
            hold(spot.at, spot.size.0 / 2.0 + reach + 14.0, apart);
        }
    }
    if !low.x.is_finite() {
        (low, high) = (Point::default(), Point::default());
    }
    (low, Size(high.x - low.x, high.y - low.y))
}

/// How far a box's foremost sheet stands out to the left and down.
pub(super) fn sheet(kind: Kind) -> f64 {
    match kind {
        Kind::Worker => SHEET,
        Kind::Start | Kind::End | Kind::Node | Kind::Deferred | Kind::Join => 0.0,
    }
}

/// The size of a box in which that is drawn, below its label.
pub(super) fn around(inside: &Placed, label: &str, kind: Kind) -> Size {
    let Size(wide, tall) = frame(inside).1;
    let written = text::width(label, FONT.0) + if kind == Kind::Deferred { 30.0 } else { 0.0 };
    Size(
        wide.max(written) + 2.0 * (PAD + sheet(kind)),
        tall + TITLE + PAD + 2.0 * sheet(kind),
    )
}

/// Moves what is drawn in a box to where the box stands.
pub(super) fn settle(spot: &mut Spot) {
    let sheet = sheet(spot.kind);
    let Some(inside) = &mut spot.inside else {
        return;
    };
    let (corner, Size(wide, _)) = frame(inside);
    let to = Point {
        x: spot.at.x - sheet - wide / 2.0,
        y: spot.at.y + 2.0 * sheet - spot.size.1 / 2.0 + TITLE,
    };
    shift(
        inside,
        Point {
            x: to.x - corner.x,
            y: to.y - corner.y,
        },
    );
}

/// Moves everything by that much.
fn shift(placed: &mut Placed, by: Point) {
    let shifted = |at: &mut Point| {
        at.x += by.x;
        at.y += by.y;
    };
    for spot in &mut placed.spots {
        shifted(&mut spot.at);
        if let Some(inside) = &mut spot.inside {
            shift(inside, by);
        }
    }
    for line in &mut placed.lines {
        for post in &mut line.posts {
            shifted(&mut post.0);
            shifted(&mut post.1);
        }
        if let Some(caption) = &mut line.caption {
            shifted(&mut caption.at);
        }
    }
}
