//! Timelines as pictures: text and SVG.

use std::time::Instant;

use insta::assert_snapshot;
use proptest::prelude::*;
use superstep::SpanOutcome;

use super::scenes::{self, ms, span};
use crate::common::cases;

include!("shown.rs");

/// All scenes, small and large.
fn all() -> Vec<Timeline> {
    vec![
        Timeline::new("", Vec::new()),
        Timeline::new("one", vec![span("a", 1, 0, 7)]),
        Timeline::new("zero", vec![span("a", 1, 0, 0), span("b", 2, 0, 0)]),
        timeline(),
        scenes::slow_sibling(),
        scenes::retries(),
        scenes::permits(),
        scenes::rate_limit(),
        scenes::failure(),
        scenes::nested(),
        scenes::sends(200, 20),
        scenes::sends(10_000, 64),
        scenes::turns(5000),
    ]
}

/// The value of an attribute in a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?;
    value.split('"').next()
}

/// Reads the document as XML far enough to see that tags and quotes are closed
/// and text is escaped; gives the tags that were opened.
#[track_caller]
fn tags(svg: &str) -> Vec<&str> {
    let mut open: Vec<&str> = Vec::new();
    let mut tags = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag is closed");
        let entities = text.split('&').skip(1).chain(tag.split('&').skip(1));
        for entity in entities {
            let name = entity.split(';').next().unwrap_or_default();
            assert!(
                ["amp", "lt", "gt", "quot", "#39"].contains(&name),
                "{piece}"
            );
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{piece}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        tags.push(tag);
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    tags
}

/// An SVG is well-formed, holds no odd numbers, and nothing of it is outside.
#[track_caller]
fn sound(timeline: &Timeline) -> String {
    let svg = timeline.to_svg();
    assert_eq!(svg, timeline.to_svg());
    let tags = tags(&svg);
    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    let number = |tag: &str, name| {
        let number = attribute(tag, name).and_then(|n| n.parse::<f64>().ok());
        number.expect("it is a number")
    };
    let (width, height) = (number(tags[0], "width"), number(tags[0], "height"));
    for tag in tags.iter().filter(|tag| tag.starts_with("rect x")) {
        let [x, y, w, h] = ["x", "y", "width", "height"].map(|name| number(tag, name));
        assert!(x >= 0.0 && y >= 0.0, "{tag}");
        assert!(x + w <= width + 0.2 && y + h <= height + 0.2, "{tag}");
    }
    for tag in tags.iter().filter(|tag| tag.starts_with("text ")) {
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        assert!(x >= 0.0 && x <= width && y >= 0.0 && y <= height, "{tag}");
    }
    svg
}

#[test]
fn every_picture_is_sound() {
    for timeline in all() {
        let svg = sound(&timeline);
        assert!(svg.len() < 100_000, "{} bytes", svg.len());
        for width in [0, 48, 80, 100, 200] {
            let text = timeline.to_text(width);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width.max(48)), "{text}");
        }
        assert_eq!(timeline.to_string(), timeline.to_text(100));
    }
}

/// The titles of the bars and bands: what shows on pointing at them.
fn titles(svg: &str) -> Vec<&str> {
    let titles = svg.split("<g><title>").skip(1);
    titles.filter_map(|rest| rest.split('<').next()).collect()
}

#[test]
fn every_bar_says_what_it_is() {
    let svg = scenes::failure().to_svg();
    assert_eq!(
        titles(&svg)[2],
        "charge: failed in 1.1 s · superstep 2 · 400 ms to 1.5 s · 2 attempts · \
         backoff 300 ms · on the critical path"
    );
    assert_eq!(
        titles(&svg)[1],
        "approve: paused in 300 ms · superstep 2 · 400 ms to 700 ms · barrier 800 ms"
    );
}

#[test]
fn waits_and_outcomes_are_told_by_more_than_their_colour() {
    let svg = [scenes::failure(), scenes::rate_limit(), scenes::retries()].map(|t| t.to_svg());
    let svg = svg.concat();
    for pattern in ["queued", "limited", "backoff"] {
        let used = format!("fill=\"url(#superstep-{pattern})\"");
        assert!(svg.matches(&used).count() > 1, "{pattern}");
    }
    for word in [
        "failed",
        "cancelled",
        "paused",
        "cached",
        "failed attempt",
        "critical path",
    ] {
        assert!(svg.contains(&format!(">{word}</text>")), "{word}");
    }
    // Only what there is in a picture is explained.
    let plain = Timeline::new("one", vec![span("a", 1, 0, 7)]).to_svg();
    assert!(!plain.contains(">failed</text>") && !plain.contains("waits for"));
}

#[test]
fn text_is_escaped_and_long_names_are_shortened_in_the_middle() {
    let name = "a name that is <much> too \"long\" to be written & read beside a picture";
    let timeline = Timeline::new("a <b> & c", vec![span(name, 1, 0, 7)]);
    let svg = sound(&timeline);
    assert!(svg.contains("a &lt;b&gt; &amp; c"));
    assert!(svg.contains("…") && svg.contains("<title>a name that is &lt;much&gt; too "));
    let text = timeline.to_text(80);
    let row = text
        .lines()
        .find(|line| line.starts_with("* a name"))
        .unwrap();
    assert!(row.contains("…a picture "), "{text}");
}

/// The first line of a run of one task, and its axis.
fn timed(time: Duration) -> (String, String) {
    let span = Span::new("a", 1, Duration::ZERO, time);
    let text = Timeline::new("t", vec![span]).to_text(60);
    let head = text.lines().next().unwrap_or_default();
    let axis = text.lines().find(|line| line.starts_with("            0"));
    let axis = axis.unwrap_or_default().split_whitespace();
    let head = head.trim_start_matches("t · ").to_owned();
    (head, axis.collect::<Vec<_>>().join(" "))
}

#[test]
fn times_are_written_as_people_write_them() {
    let micros = Duration::from_micros;
    let seconds = Duration::from_secs;
    for (time, length, axis) in [
        (Duration::ZERO, "0 s", "0"),
        (Duration::from_nanos(7), "7 ns", "0 2 ns 4 ns 6 ns"),
        (
            Duration::from_nanos(1_500),
            "1.5 µs",
            "0 0.5 µs 1 µs 1.5 µs",
        ),
        (micros(12_345), "12.3 ms", "0 5 ms 10 ms"),
        (micros(999_999), "999 ms", "0 500 ms"),
        (ms(1_000), "1 s", "0 0.5 s 1 s"),
        (ms(59_990), "59.9 s", "0 20 s 40 s"),
        (seconds(125), "2 min 5 s", "0 1 min 2 min"),
        (seconds(3_600), "1 h", "0 20 min 40 min 60 min"),
        (seconds(100_000), "1 d 3 h", "0 12 h 24 h"),
        (seconds(200 * 86_400), "200 d", "0 100 d 200 d"),
    ] {
        assert_eq!(timed(time), (length.to_owned(), axis.to_owned()));
    }
}

#[test]
fn the_path_says_what_its_time_was_spent_on() {
    let third = |timeline: &Timeline| {
        let text = timeline.to_string();
        text.lines().nth(2).unwrap_or_default().to_owned()
    };
    let spans = |second: u64| vec![span("a", 1, 0, 10), span("b", 2, second, second + 190)];
    let idle = Timeline::new("t", spans(20));
    assert_eq!(third(&idle), "critical path: 200 ms work, 10 ms other");
    // What is too little to see is not worth a word.
    assert_eq!(
        third(&Timeline::new("t", spans(11))),
        "critical path: 200 ms work"
    );
    // Of what queued for a permit, the path is where the permit was.
    assert_eq!(third(&scenes::permits()), "critical path: 1.96 s work");
}

#[test]
fn many_sends_are_a_few_bars_and_a_band() {
    let svg = scenes::sends(10_000, 64).to_svg();
    let titles = titles(&svg);
    assert!(titles.len() < 60, "{} bars", titles.len());
    assert!(
        titles.contains(&"9976 tasks: at most 64 at work, 9917 waiting"),
        "{titles:?}"
    );
    // Who was late is not hidden: the path and what failed are among the bars.
    let critical = titles
        .iter()
        .filter(|title| title.ends_with("on the critical path"));
    assert!(critical.count() > 12);
    assert!(titles.iter().any(|title| title.contains(": failed")));
    // Fifty are shown one by one.
    let svg = scenes::sends(50, 5).to_svg();
    assert_eq!(svg.matches("<g><title>embed/").count(), 50);
}

#[test]
fn many_supersteps_share_their_columns() {
    for n in [8, 5000] {
        let svg = scenes::turns(n).to_svg();
        let labels = svg
            .split("</text>")
            .filter_map(|text| text.rsplit('>').next());
        let numbers = labels.filter(|label| label.starts_with(|c: char| c.is_ascii_digit()));
        let numbers: Vec<&str> = numbers.filter(|label| !label.contains('s')).collect();
        match n {
            8 => assert_eq!(numbers[..8], ["1", "2", "3", "4", "5", "6", "7", "8"]),
            _ => assert!(
                numbers.len() < 40 && numbers[0].starts_with("1–"),
                "{numbers:?}"
            ),
        }
    }
}

#[test]
fn many_nodes_are_a_few_rows_and_a_band() {
    let spans = (0..300).map(|at| span(&format!("n{at}"), 1, 0, 100 + at));
    let timeline = Timeline::new("wide", spans.collect());
    let svg = sound(&timeline);
    let titles = titles(&svg);
    assert!(titles.len() <= 60, "{}", titles.len());
    assert!(
        svg.contains("<g><title>n299: done in 399 ms"),
        "the longest is left out"
    );
    assert!(svg.contains(">260 more nodes</text>"));
}

#[test]
fn large_timelines_are_drawn_in_no_time() {
    for timeline in [scenes::sends(10_000, 64), scenes::turns(5000)] {
        let begin = Instant::now();
        drop((
            timeline.to_svg(),
            timeline.to_string(),
            timeline.to_chrome_trace(),
        ));
        // Some 20 ms in release; what is not linear takes minutes.
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[test]
fn slow_sibling() {
    assert_snapshot!(scenes::slow_sibling());
}

#[test]
fn retries() {
    assert_snapshot!(scenes::retries());
}

#[test]
fn permits() {
    assert_snapshot!(scenes::permits());
}

#[test]
fn rate_limit() {
    assert_snapshot!(scenes::rate_limit());
}

#[test]
fn failure() {
    assert_snapshot!(scenes::failure());
}

#[test]
fn nested() {
    assert_snapshot!(scenes::nested());
}

#[test]
fn sends() {
    assert_snapshot!(scenes::sends(200, 20).to_text(80));
}

#[test]
fn turns() {
    assert_snapshot!(scenes::turns(5000));
}

#[test]
fn the_page_shows_this_timeline_and_this_picture() {
    let page = include_str!("../../../docs/timelines.md");
    assert!(
        page.contains(include_str!("shown.rs")),
        "the page shows another timeline"
    );
    let svg = timeline().to_svg();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/images/timeline.svg");
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        std::fs::write(path, &svg).expect("the folder is writable");
    }
    let shown = std::fs::read_to_string(path).expect("the page has its picture");
    assert!(
        shown == svg,
        "run with UPDATE_PICTURES=1 and look at the picture"
    );
}

/// Spans as logs may have them: in no order, with times that make no sense.
fn any_span() -> impl Strategy<Value = Span> {
    let time = || prop_oneof![Just(0), Just(7), 0..50_u64, Just(u64::MAX / 2_000_000)];
    let phase = (0..4_u32, time(), time());
    let path = prop_oneof![
        Just(""),
        Just("a/0"),
        Just("b"),
        Just("a/0/b/1"),
        Just("//3")
    ];
    let task = prop_oneof![Just("a"), Just("b"), Just("b/0"), Just("b/1"), Just("")];
    (
        (path, task, 0..4_u64),
        (time(), time(), time()),
        prop::collection::vec(phase, 0..4),
        prop::collection::vec(0..12_usize, 0..4),
        0..5_u32,
    )
        .prop_map(
            |((path, task, superstep), (ready, start, end), phases, after, outcome)| {
                let span = Span::new(task, superstep, ms(start), ms(end));
                let span = span.inside(path).ready(ms(ready)).after(after);
                let span = phases.into_iter().fold(span, |span, (kind, start, end)| {
                    let kind = match kind {
                        0 => PhaseKind::Queued,
                        1 => PhaseKind::Limited,
                        2 => PhaseKind::Backoff,
                        _ => PhaseKind::Attempt(1),
                    };
                    span.phase(kind, ms(start), ms(end))
                });
                span.outcome(match outcome {
                    0 => SpanOutcome::Failed,
                    1 => SpanOutcome::Cancelled,
                    2 => SpanOutcome::Paused,
                    3 => SpanOutcome::Cached,
                    _ => SpanOutcome::Done,
                })
            },
        )
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn spans_that_make_no_sense_are_drawn_all_the_same(
        spans in prop::collection::vec(any_span(), 0..12),
    ) {
        let timeline = Timeline::new("odd", spans);
        sound(&timeline);
        prop_assert!(timeline.ideal() <= timeline.total());
        prop_assert_eq!(timeline.barrier_waits().len(), timeline.spans().len());
        let path = timeline.critical_path();
        prop_assert_eq!(path.is_empty(), timeline.spans().is_empty());
        let starts: Vec<Duration> = path.iter().map(|&at| timeline.spans()[at].start).collect();
        prop_assert!(starts.is_sorted());
        let text = timeline.to_text(100);
        prop_assert!(text.lines().all(|line| line.chars().count() <= 100), "{}", text);
        let trace: Result<serde_json::Value, _> = serde_json::from_str(&timeline.to_chrome_trace());
        prop_assert!(trace.is_ok());
    }

    #[test]
    fn pictures_do_not_hang_on_the_order_of_spans(turn in 0..12_usize) {
        let timeline = scenes::permits();
        let n = timeline.spans().len();
        let place = |at: usize| (at + turn) % n;
        let mut spans: Vec<Span> = timeline.spans().to_vec();
        for span in &mut spans {
            span.after.iter_mut().for_each(|at| *at = place(*at));
        }
        spans.rotate_right(turn);
        let other = Timeline::new(timeline.graph(), spans);
        prop_assert_eq!(timeline.to_svg(), other.to_svg());
        prop_assert_eq!(timeline.to_text(90), other.to_text(90));
        prop_assert_eq!(timeline.to_chrome_trace(), other.to_chrome_trace());
    }
}
