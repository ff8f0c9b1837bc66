//! What waits for a rate, in the timelines of real runs.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{EventKind, Graph, JsonLines, Limiter, PhaseKind, Timeline};
use tokio::time::sleep;

use super::runs::{SEND, path, phases};
use crate::common::{Trace, mark, oops, sound};
use crate::events::line;
use crate::log::{File, spans};

/// The timeline of so many sends to a node under that limiter, of so many
/// milliseconds each.
async fn limited(limiter: &Limiter, sends: usize, ms: u64) -> Timeline {
    let body = async |ms: u64| sleep(Duration::from_millis(ms)).await;
    let graph = StateGraph::<Trace>::new("test")
        .add_worker(SEND, node(body).limiter(limiter))
        .add_conditional_edges(START, move |_: &Trace| vec![SEND.send(ms); sends], [SEND]);
    let run = sound(graph).invoke(Trace::update()).await;
    run.expect("it ends well").timeline()
}

/// The third line of the picture.
fn spent(timeline: &Timeline) -> String {
    let text = timeline.to_text(80);
    text.lines().nth(2).unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_rate_is_rate_limited() {
    use PhaseKind::{Attempt, Limited};
    let timeline = limited(&Limiter::new().per_second(5).burst(1), 4, 50).await;
    let last = [(Limited, 0, 600), (Attempt(1), 600, 650)];
    assert_eq!(phases(&timeline, 3), last);
    let third = "critical path: 600 ms rate limited, 50 ms work";
    assert_eq!(spent(&timeline), third);

    let rested = Limiter::new();
    rested.rest(Duration::from_millis(300));
    let timeline = limited(&rested, 1, 50).await;
    assert_eq!(
        phases(&timeline, 0),
        [(Limited, 0, 300), (Attempt(1), 300, 350)]
    );
}

#[tokio::test(start_paused = true)]
async fn waits_for_slots_and_for_rates_are_told_apart() {
    use PhaseKind::{Attempt, Limited, Queued};
    // The slots hold them up.
    let limiter = Limiter::new().max_concurrency(2).per_second(5).burst(1);
    let timeline = limited(&limiter, 4, 1000).await;
    assert_eq!(
        phases(&timeline, 3),
        [
            (Limited, 0, 200),
            (Queued, 200, 1200),
            (Attempt(1), 1200, 2200),
        ]
    );
    assert_eq!(path(&timeline), ["send/1", "send/3"]);
    let third = "critical path: 2 s work, 200 ms rate limited";
    assert_eq!(spent(&timeline), third);

    // The rate does.
    let limiter = Limiter::new().max_concurrency(1).per_second(5).burst(1);
    let timeline = limited(&limiter, 3, 50).await;
    assert_eq!(
        phases(&timeline, 2),
        [
            (Queued, 0, 50),
            (Limited, 50, 200),
            (Queued, 200, 250),
            (Limited, 250, 400),
            (Attempt(1), 400, 450),
        ]
    );
    assert_eq!(path(&timeline), ["send/0", "send/1", "send/2"]);
    let third = "critical path: 300 ms rate limited, 150 ms work";
    assert_eq!(spent(&timeline), third);
}

/// A graph of tasks that fail at their first attempt, and wait for slots and a rate,
/// at the top and inside; some have a fallback. The limiter rests at first.
fn in_line() -> Graph<Trace> {
    let limiter = Limiter::new().max_concurrency(2).per_second(20).burst(1);
    limiter.rest(Duration::from_millis(30));
    let body = async |ctx: Ctx| {
        sleep(Duration::from_millis(60)).await;
        match ctx.attempt() {
            1 => Err(oops()),
            _ => Ok(Trace::update().sum(1_u64)),
        }
    };
    let retry = || Retry::attempts(2).delay(Duration::from_millis(5));
    let policed = || node(body).limiter(&limiter);
    let inner = StateGraph::<Trace>::new("inner")
        .add_node("draft", policed().retry(retry()))
        .add_edge(START, "draft");
    let saved = policed().max_concurrency(1).on_error(mark);
    let graph = StateGraph::<Trace>::new("outer")
        .add_node("inner", sound(inner))
        .add_node("plain", mark)
        .add_node("retried", policed().retry(retry()))
        .add_node("saved", saved)
        .add_edge(START, ["inner", "plain", "retried", "saved"]);
    sound(graph.max_concurrency(2))
}

#[tokio::test(start_paused = true)]
async fn who_is_in_line_is_so_in_the_log_s_timeline() {
    let (file, flushed) = File::with_room(usize::MAX);
    let run = in_line().invoke(Trace::update());
    let run = run.watch(JsonLines::new(file)).await.unwrap();
    let log: String = flushed.iter().collect();
    let timeline = Timeline::from_json_lines(&log).unwrap();
    assert_eq!(spans(&timeline), spans(&run.timeline()));
    let mut spans = timeline.spans().iter();
    let span = spans.find(|span| span.task == "retried").unwrap();
    let kinds: Vec<_> = span.phases.iter().map(|phase| phase.kind).collect();
    let (one, two) = (PhaseKind::Attempt(1), PhaseKind::Attempt(2));
    let (queued, limited) = (PhaseKind::Queued, PhaseKind::Limited);
    let expected = [
        limited,
        one,
        PhaseKind::Backoff,
        limited,
        queued,
        limited,
        two,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_task_has_waited_for_is_told_before_it_starts() {
    let mut events = in_line().invoke(Trace::update()).stream().tasks();
    let mut waited = Vec::new();
    let mut before = None;
    while let Some(event) = events.next().await {
        let name = event.kind.name();
        if let EventKind::TaskWaited { waits } = &event.kind {
            let kinds: Vec<_> = waits.iter().map(|wait| wait.kind).collect();
            waited.push(format!("{} {kinds:?}", line(&event)));
            before = Some(event.task());
        } else if let Some(task) = before.take() {
            assert_eq!((name, event.task()), ("task_started", task));
        }
    }
    assert_eq!(
        waited,
        [
            "1 draft task_waited [Limited]",
            "1 retried task_waited [Limited]",
            "1 saved task_waited [Limited, Queued, Limited]",
            "1 draft#2 task_waited [Limited, Queued, Limited]",
            "1 retried#2 task_waited [Limited, Queued, Limited]",
        ]
    );
}
