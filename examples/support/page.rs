//! The printed page: text wrapped to a width, and a picture of time.

use std::{
    fmt::Write,
    future::IntoFuture,
    num::NonZero,
    sync::{Mutex, MutexGuard},
    thread::available_parallelism,
    time::{Duration, Instant},
};

/// How many columns a page has.
const WIDTH: usize = 80;

/// How many columns the longest bar has.
const BAR: usize = 44;

/// Breaks each line of `text` between words, so that it fits the page. What
/// follows a line's mark ("- " or "1. ") stays to the right of it.
pub(crate) fn wrapped(text: &str) -> String {
    let mut page = String::new();
    for line in text.lines() {
        let mark = match line.split_once(' ') {
            Some((mark, _)) if mark == "-" || mark.ends_with('.') && mark.len() <= 3 => {
                mark.len() + 1
            }
            _ => 0,
        };
        let mut column = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            if column > mark && column + 1 + length > WIDTH {
                page.push('\n');
                page.extend(std::iter::repeat_n(' ', mark));
                column = mark;
            } else if column > 0 {
                page.push(' ');
                column += 1;
            }
            page.push_str(word);
            column += length;
        }
        page.push('\n');
    }
    page
}

/// When something was under way, since the stopwatch began.
#[derive(Clone, Debug)]
struct Span {
    name: String,
    start: Duration,
    end: Duration,
}

/// Measures what runs at the same time.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    begin: Instant,
    spans: Mutex<Vec<Span>>,
}

impl Stopwatch {
    /// A stopwatch that starts to run now.
    pub(crate) fn start() -> Self {
        Self {
            begin: Instant::now(),
            spans: Mutex::default(),
        }
    }

    /// Awaits the work, and notes when it began and when it ended.
    pub(crate) async fn time<W: IntoFuture>(&self, name: &str, work: W) -> W::Output {
        let start = self.begin.elapsed();
        let output = work.await;
        let span = Span {
            name: name.to_owned(),
            start,
            end: self.begin.elapsed(),
        };
        self.spans().push(span);
        output
    }

    /// Draws a bar for each piece of work, by name, on one scale. What ended
    /// last is taken for the whole, of which the others are parts.
    pub(crate) fn picture(&self) -> String {
        let mut parts = self.spans().clone();
        let Some(whole) = parts.pop() else {
            return String::new();
        };
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut page = format!("{:12}{:>9}{:>10}\n", "", "start", "time");
        for span in parts.iter().chain([&whole]) {
            let (start, took) = (span.start - whole.start, span.end - span.start);
            let before = columns(start, &whole);
            let bar = columns(start + took, &whole).saturating_sub(before).max(1);
            let (name, start, took) = (&span.name, ms(start), ms(took));
            let gap = " ".repeat(before.min(BAR - 1));
            let bar = "█".repeat(bar);
            // Writing to a string cannot fail.
            let _ = writeln!(page, "{name:12}{start:>9}{took:>10}  {gap}{bar}");
        }
        let sum: Duration = parts.iter().map(|span| span.end - span.start).sum();
        let took = whole.end - whole.start;
        let at_once = sum.as_secs_f64() / took.as_secs_f64();
        let (sum, took) = (ms(sum), ms(took));
        page.push('\n');
        page.push_str(&wrapped(&format!(
            "There {}. The branches took {sum} added up, the run {took}: on average, \
             {at_once:.1} of them were under way at the same time, at work or waiting for a core.",
            cores()
        )));
        page
    }

    /// What has been noted so far.
    fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().expect("nothing panics while it is held")
    }
}

/// How many columns of the longest bar that time takes.
fn columns(time: Duration, whole: &Span) -> usize {
    let share = time.as_secs_f64() / (whole.end - whole.start).as_secs_f64();
    (share * BAR as f64).round() as usize
}

/// How many cores this program may use, after "there".
fn cores() -> String {
    match available_parallelism().map_or(1, NonZero::get) {
        1 => "is 1 core".to_owned(),
        n => format!("are {n} cores"),
    }
}

/// A time in milliseconds.
fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
