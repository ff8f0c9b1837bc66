//! Alternating measurements, medians, and the rows that come of them.

use std::future::Future;
use std::time::Instant;

use serde::Serialize;

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    /// What superstep took, or used; nanoseconds unless `unit` says otherwise.
    pub(crate) median_ns: f64,
    /// What it is compared with.
    pub(crate) floor: &'static str,
    pub(crate) floor_ns: f64,
    pub(crate) ratio: f64,
    pub(crate) target: f64,
    /// Whether the ratio should be at most the target, or at least.
    pub(crate) at_most: bool,
    pub(crate) unit: &'static str,
}

impl Row {
    pub(crate) fn holds(&self) -> bool {
        if self.at_most {
            self.ratio <= self.target
        } else {
            self.ratio >= self.target
        }
    }
}

/// How often, and over how many units of work, something is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) repetitions: usize,
    /// Runs in one repetition, so that the clock's grain does not show.
    pub(crate) runs: usize,
    /// Supersteps or tasks in one run.
    pub(crate) units: usize,
}

/// Medians per unit of the floor and of superstep, measured in turns.
pub(crate) async fn alternate<A, B, Fa, Fb>(plan: Plan, mut floor: A, mut ours: B) -> (f64, f64)
where
    A: FnMut() -> Fa,
    B: FnMut() -> Fb,
    Fa: Future<Output = ()>,
    Fb: Future<Output = ()>,
{
    let mut floors = Vec::with_capacity(plan.repetitions);
    let mut all_ours = Vec::with_capacity(plan.repetitions);
    // One round more than is kept, to warm up.
    for round in 0..=plan.repetitions {
        let one = timed(plan, &mut floor).await;
        let other = timed(plan, &mut ours).await;
        if round > 0 {
            floors.push(one);
            all_ours.push(other);
        }
    }
    (median(floors), median(all_ours))
}

async fn timed<F: Future<Output = ()>>(plan: Plan, run: &mut impl FnMut() -> F) -> f64 {
    let begin = Instant::now();
    for _ in 0..plan.runs {
        run().await;
    }
    let units = plan.runs * plan.units;
    begin.elapsed().as_secs_f64() * 1e9 / units as f64
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
