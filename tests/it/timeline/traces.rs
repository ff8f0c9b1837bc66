//! What browsers and Perfetto are given.

use insta::assert_snapshot;
use serde_json::Value;
use superstep::Timeline;

use super::scenes;

/// The events, looked at as those who read them do: what is on one track nests,
/// and arrows begin and end in slices.
#[track_caller]
fn events(timeline: &Timeline) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&timeline.to_chrome_trace()).expect("it is JSON");
    let events = trace["traceEvents"]
        .as_array()
        .expect("there are events")
        .clone();
    let times = |event: &Value| {
        let start = event["ts"].as_f64().expect("it has a time");
        (start, start + event["dur"].as_f64().unwrap_or(0.0))
    };
    let slices: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    let tracks: Vec<u64> = slices
        .iter()
        .map(|slice| slice["tid"].as_u64().expect("it has a track"))
        .collect();
    for track in 0..=tracks.iter().copied().max().unwrap_or(0) {
        let named = |event: &&Value| event["name"] == "thread_name" && event["tid"] == track;
        assert_eq!(events.iter().filter(named).count(), 1);
        let mut open: Vec<f64> = Vec::new();
        for slice in slices.iter().filter(|slice| slice["tid"] == track) {
            let (start, end) = times(slice);
            open.retain(|&until| until > start + 1e-6);
            assert!(open.iter().all(|&until| end <= until + 1e-6), "{slice}");
            open.push(end);
        }
    }
    for arrow in events
        .iter()
        .filter(|event| event["ph"] == "s" || event["ph"] == "f")
    {
        let (at, _) = times(arrow);
        let around = |slice: &&&Value| {
            let (start, end) = times(slice);
            slice["tid"] == arrow["tid"] && start <= at && at <= end
        };
        assert!(slices.iter().filter(around).count() > 0, "{arrow}");
    }
    events
}

#[test]
fn slices_nest_and_arrows_have_ends() {
    for timeline in [
        scenes::slow_sibling(),
        scenes::retries(),
        scenes::permits(),
        scenes::rate_limit(),
        scenes::failure(),
        scenes::nested(),
        scenes::sends(200, 20),
        scenes::turns(50),
    ] {
        let events = events(&timeline);
        let tasks = events.iter().filter(|event| {
            let category = event["cat"].as_str().unwrap_or_default();
            category.starts_with("task,")
        });
        assert_eq!(tasks.count(), timeline.spans().len());
    }
    events(&Timeline::new("", Vec::new()));
}

#[test]
fn the_critical_path_is_a_row_of_arrows() {
    let timeline = scenes::permits();
    let events = events(&timeline);
    let arrows = events.iter().filter(|event| event["ph"] == "s").count();
    assert_eq!(arrows, timeline.critical_path().len() - 1);
    let critical = events.iter().filter(|event| {
        let category = event["cat"].as_str().unwrap_or_default();
        category.ends_with(",critical")
    });
    assert_eq!(critical.count(), timeline.critical_path().len());
}

#[test]
fn every_lane_is_a_track() {
    let events = events(&scenes::sends(300, 20));
    let tracks = events.iter().filter(|event| event["name"] == "thread_name");
    // The supersteps, two nodes, and one for each send.
    assert_eq!(tracks.count(), 1 + 2 + 300);
}

#[test]
fn trace_of_retries() {
    assert_snapshot!(scenes::retries().to_chrome_trace());
}
