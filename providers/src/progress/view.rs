//! The picture of a run: which lines, and what is in them.

use std::time::Duration;

use console::{measure_text_width, truncate_str};

use super::model::{Model, Task};
use super::words::{tail, time};

/// Too few columns to say anything in.
const FEW: usize = 8;
/// The most columns of a task's name, beside which others have to fit.
const MOST_NAME: usize = 40;

/// The run, and below it as many tasks as there are lines for.
pub(super) fn view(model: &Model, now: Duration, columns: usize, lines: usize) -> Vec<String> {
    let n_tasks = model.tasks().len();
    let room = lines.saturating_sub(1);
    let shown = if n_tasks <= room {
        n_tasks
    } else {
        room.saturating_sub(1)
    };
    let mut view = vec![truncate_str(&header(model, now), columns, "…").into_owned()];
    view.extend(
        model
            .tasks()
            .take(shown)
            .map(|task| row(task, now, columns)),
    );
    if shown < n_tasks && room > 0 {
        view.push(format!("  … and {} more", n_tasks - shown));
    }
    view
}

fn header(model: &Model, now: Duration) -> String {
    let Model {
        run,
        superstep,
        n_ended,
        ..
    } = model;
    let running = model.tasks().len();
    let time = time(now);
    format!("{run}  superstep {superstep}  {running} running, {n_ended} done  {time}")
}

fn row(task: &Task, now: Duration, columns: usize) -> String {
    let name = truncate_str(&task.name, MOST_NAME.min(columns / 2), "…");
    let mut row = format!("  {name}  {}", time(now.saturating_sub(task.since)));
    match task.waits_until {
        Some(until) => {
            let left = time(until.saturating_sub(now));
            row += &format!("  attempt {} failed, next in {left}", task.attempt);
        }
        None if task.attempt > 1 => row += &format!("  attempt {}", task.attempt),
        None => {}
    }
    let left = columns.saturating_sub(measure_text_width(&row) + 2);
    if left >= FEW && !task.text.is_empty() {
        row += "  ";
        row += &tail(task.text.trim_end(), left);
    }
    truncate_str(&row, columns, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use superstep_core::{EventKind, TaskId};

    use super::super::Seen;
    use super::super::model::Model;
    use super::view;

    const SECOND: Duration = Duration::from_secs(1);

    /// What happened to a send of `review`, a second after the begin.
    fn seen(send: u32, attempt: u32, kind: &EventKind) -> Seen<'_> {
        Seen {
            run: "demo-1",
            kind,
            path: "",
            superstep: 2,
            task: Some(TaskId {
                node: "review".into(),
                send: Some(send),
            }),
            attempt,
            elapsed: SECOND,
        }
    }

    fn model(n_tasks: u32) -> Model {
        let first = seen(0, 1, &EventKind::RunStarted);
        let mut model = Model::of(&first);
        for send in 0..n_tasks {
            model.see(&seen(send, 1, &EventKind::TaskStarted));
        }
        model
    }

    fn say(model: &mut Model, send: u32, text: &str) {
        let text = text.into();
        model.see(&seen(send, 1, &EventKind::Token { text, part: None }));
    }

    #[test]
    fn as_many_tasks_are_shown_as_fit() {
        let rows = |n, lines| view(&model(n), 3 * SECOND, 60, lines).split_off(1);
        let row = |send: u32| format!("  review/{send}  2.0 s");
        assert_eq!(rows(3, 4), [row(0), row(1), row(2)]);
        assert_eq!(rows(4, 4), [row(0), row(1), "  … and 2 more".to_owned()]);
        assert_eq!(rows(4, 2), ["  … and 4 more"]);
        assert!(rows(4, 1).is_empty());
        assert!(rows(4, 0).is_empty());
    }

    #[test]
    fn what_a_task_said_last_is_cut_to_the_width() {
        let mut model = model(1);
        say(&mut model, 0, "one two three\n");
        say(&mut model, 0, "四五\x1b[2J");
        let row = |columns| view(&model, 2 * SECOND, columns, 9).remove(1);
        assert_eq!(row(60), "  review/0  1.0 s  one two three 四五 [2J");
        assert_eq!(row(29), "  review/0  1.0 s  … 四五 [2J");
        assert_eq!(row(28), "  review/0  1.0 s  …四五 [2J");
        assert_eq!(row(24), "  review/0  1.0 s");
        for columns in 1..60 {
            for line in view(&model, 2 * SECOND, columns, 9) {
                assert!(console::measure_text_width(&line) <= columns, "{line}");
            }
        }
    }

    #[test]
    fn a_task_that_waits_for_its_next_attempt_says_for_how_long() {
        let mut model = model(1);
        let kind = EventKind::TaskRetried {
            error: "oops".into(),
            delay: 3 * SECOND,
        };
        model.see(&seen(0, 1, &kind));
        let row = |model: &Model| view(model, 2 * SECOND, 60, 9).remove(1);
        assert_eq!(
            row(&model),
            "  review/0  1.0 s  attempt 1 failed, next in 2.0 s"
        );
        model.see(&seen(0, 2, &EventKind::TaskStarted));
        assert_eq!(row(&model), "  review/0  1.0 s  attempt 2");
        model.see(&seen(0, 2, &EventKind::TaskCancelled));
        let all = view(&model, 2 * SECOND, 60, 9);
        assert_eq!(all, ["demo-1  superstep 0  0 running, 1 done  2.0 s"]);
    }

    #[test]
    fn a_task_may_say_more_than_is_kept() {
        let mut model = model(1);
        for n in 0..10_000 {
            say(&mut model, 0, &format!("é{n} "));
        }
        let task = model.tasks().next().expect("it runs");
        assert!(task.text.len() <= 4096);
        assert!(task.text.ends_with("é9999 "));
    }
}
