use std::time::Duration;

use superstep::{PhaseKind, Span, Timeline};

fn timeline() -> Timeline {
    let ms = Duration::from_millis;
    let page = |at: u64, start, end| {
        let span = Span::new(format!("read/{at}"), 3, ms(start), ms(end)).after([2]);
        span.ready(ms(1500))
            .phase(PhaseKind::Queued, ms(1500), ms(start))
            .phase(PhaseKind::Attempt(1), ms(start), ms(end))
    };
    Timeline::new(
        "research",
        vec![
            Span::new("plan", 1, ms(0), ms(300)),
            Span::new("questions", 2, ms(300), ms(700)).after([0]),
            Span::new("search", 2, ms(300), ms(1500))
                .phase(PhaseKind::Attempt(1), ms(300), ms(500))
                .phase(PhaseKind::Backoff, ms(500), ms(900))
                .phase(PhaseKind::Attempt(2), ms(900), ms(1500))
                .after([0]),
            page(0, 1500, 1900),
            page(1, 1500, 2300),
            page(2, 1900, 2400),
            page(3, 2300, 2600),
            Span::new("answer", 4, ms(2600), ms(3400)).after([1, 3, 4, 5, 6]),
        ],
    )
}
