//! Time as people read it: lengths, round ticks, supersteps side by side.

use std::time::Duration;

use super::scopes::Step;

const MINUTE: u128 = 60_000_000_000;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;

/// Units below a minute, in nanoseconds, the largest first.
const UNITS: [(u128, &str); 4] = [
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "µs"),
    (1, "ns"),
];

/// A length with three digits, or in two units: `1.25 s`, `2 min 5 s`.
pub(super) fn length(time: Duration) -> String {
    let nanos = time.as_nanos();
    let pairs = [(DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min")];
    for (unit, name, small, small_name) in pairs {
        if nanos >= unit {
            return two(nanos, (unit, name), (small, small_name));
        }
    }
    if nanos >= MINUTE {
        return two(nanos, (MINUTE, "min"), (UNITS[0].0, "s"));
    }
    let Some(&(unit, name)) = UNITS.iter().find(|&&(unit, _)| nanos >= unit) else {
        return "0 s".to_owned();
    };
    // Whole numbers all the way, so that the text does not hang on how floats round.
    let decimals = match nanos / unit {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    let scale = 10_u128.pow(decimals);
    format!("{} {name}", decimal(nanos * scale / unit, decimals))
}

fn two(nanos: u128, (unit, name): (u128, &str), (small, small_name): (u128, &str)) -> String {
    let (many, rest) = (nanos / unit, nanos % unit / small);
    if rest == 0 || many >= 100 {
        format!("{many} {name}")
    } else {
        format!("{many} {name} {rest} {small_name}")
    }
}

/// A number of that many decimals, without zeros at its end.
fn decimal(value: u128, decimals: u32) -> String {
    let scale = 10_u128.pow(decimals);
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let rest = format!("{rest:0width$}", width = decimals as usize);
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

/// Round times from zero to `total`, at most `most` steps apart, and how to
/// write them.
pub(super) fn ticks(total: Duration, most: u32) -> Vec<(Duration, String)> {
    let total = total.as_nanos();
    if total == 0 {
        return vec![(Duration::ZERO, "0".to_owned())];
    }
    let step = step(total, u128::from(most.max(1)));
    let last = total / step * step;
    let mut ticks = Vec::new();
    for at in 0..=total / step {
        let nanos = at * step;
        let time = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        ticks.push((time, tick(nanos, step, last)));
    }
    ticks
}

/// The smallest round step of which `most` reach `total`.
fn step(total: u128, most: u128) -> u128 {
    let second = UNITS[0].0;
    let fine = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u128.pow(power)));
    let fine = fine.chain([10 * second, 20 * second, 30 * second]);
    let minutes = [1, 2, 5, 10, 20, 30].map(|n| n * MINUTE);
    let hours = [1, 2, 3, 6, 12].map(|n| n * HOUR);
    let days = (0..9).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u128.pow(power) * DAY));
    let mut steps = fine.chain(minutes).chain(hours).chain(days);
    steps.find(|step| total / step <= most).unwrap_or(total)
}

/// A tick in the unit that suits all ticks: that of the last one, unless the
/// step is a small part of it.
fn tick(nanos: u128, step: u128, last: u128) -> String {
    if nanos == 0 {
        return "0".to_owned();
    }
    let long = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min")];
    for (unit, name) in long {
        if step.is_multiple_of(unit) {
            return format!("{} {name}", nanos / unit);
        }
    }
    let scale =
        |unit: u128| (0..=3_u32).find(|&power| (step * 10_u128.pow(power)).is_multiple_of(unit));
    let suits = |&&(unit, _): &&(u128, &str)| last.max(step) >= unit && scale(unit).is_some();
    let &(unit, name) = UNITS.iter().find(suits).unwrap_or(&UNITS[3]);
    let decimals = scale(unit).unwrap_or_default();
    format!(
        "{} {name}",
        decimal(nanos * 10_u128.pow(decimals) / unit, decimals)
    )
}

/// Where times lie on a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    total: f64,
    left: f64,
    width: f64,
}

impl Scale {
    pub(super) fn new(total: Duration, left: f64, width: f64) -> Self {
        let total = total.max(Duration::from_nanos(1)).as_secs_f64();
        Self { total, left, width }
    }

    pub(super) fn at(self, time: Duration) -> f64 {
        self.left + (time.as_secs_f64() / self.total).min(1.0) * self.width
    }
}

/// Supersteps next to each other, drawn as one when there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

impl Column {
    /// Its number, or its numbers.
    pub(super) fn label(self) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}–{}", self.first, self.last)
        }
    }
}

/// The columns of the supersteps up to `total`. Neighbours that are narrower
/// than `least` are drawn as one, until that is wide enough for its label.
pub(super) fn columns(
    steps: &[Step],
    total: Duration,
    least: f64,
    wide: impl Fn(Duration, Duration) -> f64,
    label: impl Fn(&Column) -> f64,
) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut open = false;
    let mut begin = Duration::ZERO;
    for (at, step) in steps.iter().enumerate() {
        // Of supersteps that overlap, one begins when the one before has begun.
        begin = begin.max(step.begin);
        let end = steps
            .get(at + 1)
            .map_or(total, |next| next.begin)
            .max(begin);
        let narrow = wide(begin, end) < least;
        match columns.last_mut() {
            Some(column) if open && narrow && wide(column.begin, column.end) < label(column) => {
                (column.last, column.end) = (step.number, end);
            }
            _ => columns.push(Column {
                first: step.number,
                last: step.number,
                begin,
                end,
            }),
        }
        open = narrow;
    }
    columns
}
