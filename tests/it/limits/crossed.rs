//! Tasks that need several things at the same time, which others want one by one.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use superstep::prelude::*;
use superstep::{Graph, JsonLines, Limiter, Run, Timeline};
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::Log;
use crate::common::{Alive, Trace, cases, oops, sound, within_a_day};
use crate::log::{File, spans};

const WORK: Worker<u32> = Worker::new("work");
const OTHER: Worker<u32> = Worker::new("other");

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs under a paused clock, on a thread that can be left to itself: who waits
/// for each other at work never lets the clock go on.
fn ends<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (to, from) = channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("there is a runtime");
        drop(to.send(runtime.block_on(work)));
    });
    let ended = from.recv_timeout(Duration::from_secs(300));
    ended.expect("it ends")
}

/// A graph of a node that notes when it begins, and then takes 20 ms.
fn work(name: &'static str, limiters: &[&Limiter]) -> Graph<Trace, Log> {
    let body = async |ctx: Ctx<Log>| {
        ctx.note(ctx.node());
        sleep(ms(20)).await;
    };
    let policed = limiters
        .iter()
        .fold(node(body), |node, limiter| node.limiter(*limiter));
    let graph = StateGraph::<Trace, Log>::new("work").add_node(name, policed);
    sound(graph.add_edge(START, name))
}

type Begun = tokio::task::JoinHandle<bool>;

/// Begins a run beside others.
fn begin(graph: &Graph<Trace, Log>, log: &Log) -> Begun {
    let run = graph.invoke(Trace::update()).context(log.clone());
    tokio::spawn(async move { run.await.is_ok() })
}

async fn all(runs: Vec<Begun>) {
    for run in runs {
        assert!(run.await.expect("it does not panic"));
    }
}

#[test]
fn two_who_each_wait_for_what_the_other_could_have_do_not_swap_for_ever() {
    let seconds = ends(async {
        let (s, l) = (Limiter::new(), Limiter::new());
        let (s, l) = (s.max_concurrency(1), l.max_concurrency(1));
        let (first, both, log) = (work("z", &[&l]), work("t", &[&s, &l]), Log::new());
        let mut runs = vec![begin(&first, &log)];
        sleep(ms(5)).await;
        runs.extend((0..3).map(|_| begin(&both, &log)));
        sleep(ms(20)).await;
        runs.extend((0..3).map(|_| begin(&both, &log)));
        all(runs).await;
        log.seconds()
    });
    assert_eq!(seconds, [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12]);
}

#[test]
fn a_bounded_node_in_a_bounded_run_goes_on() {
    let sum = ends(async {
        let body = |n: u32| async move {
            sleep(ms(n.into())).await;
            Trace::update().sum(1_u64)
        };
        let sends = |_: &Trace| {
            let mut sends: Vec<_> = [20, 0, 10, 10].map(|n| WORK.send(n)).into();
            sends.push(OTHER.send(0));
            sends
        };
        let graph = StateGraph::<Trace>::new("narrow")
            .add_worker(WORK, node(body).max_concurrency(1))
            .add_worker(OTHER, body)
            .add_conditional_edges(START, sends, [WORK, OTHER])
            .max_concurrency(1);
        let run = sound(graph).invoke(Trace::update());
        run.await.expect("the run ends well").state.sum
    });
    assert_eq!(sum, 5);
}

/// Runs that want one of each of two limiters, 200 each, and never have them free
/// at the same time.
fn streams(one: &Graph<Trace, Log>, two: &Graph<Trace, Log>, log: &Log) -> Begun {
    let (one, two, log) = (one.clone(), two.clone(), log.clone());
    tokio::spawn(async move {
        let mut runs: Vec<_> = (0..200).map(|_| begin(&one, &log)).collect();
        sleep(ms(10)).await;
        runs.extend((0..200).map(|_| begin(&two, &log)));
        all(runs).await;
        true
    })
}

/// When the first that has this name began.
fn begun(log: &Log, name: &str) -> f64 {
    let text = log.text();
    let line = text.split(", ").find(|line| line.ends_with(name));
    let second = line.and_then(|line| line.split(' ').next());
    second.expect("it has begun").parse().expect("a number")
}

#[test]
fn who_needs_two_things_that_are_never_free_at_once_has_its_turn() {
    let log = ends(async {
        let (s, l) = (Limiter::new(), Limiter::new());
        let (s, l) = (s.max_concurrency(1), l.max_concurrency(1));
        let (log, both) = (Log::new(), work("both", &[&l, &s]));
        // It comes after the first of each, and before all others.
        let first = [begin(&work("s", &[&s]), &log)];
        sleep(ms(10)).await;
        let second = [begin(&work("l", &[&l]), &log), begin(&both, &log)];
        let later = streams(&work("l", &[&l]), &work("s", &[&s]), &log);
        all(first.into_iter().chain(second).chain([later]).collect()).await;
        log
    });
    // Passed 32 times, by one each 10 ms, and not 400 times.
    let second = begun(&log, "both");
    assert!((0.3..0.4).contains(&second), "after {second} seconds");
}

#[test]
fn what_is_kept_for_somebody_locks_nobody_up() {
    // What holds `l` needs `s` to its end: by a run that nobody knows of, or as a
    // graph that is a node.
    for hidden in [true, false] {
        let log = ends(async move {
            let (s, l) = (Limiter::new(), Limiter::new());
            let (s, l) = (s.max_concurrency(1), l.max_concurrency(1));
            let (log, both) = (Log::new(), work("both", &[&l, &s]));
            let inner = work("inner", &[&s]);
            let outer = StateGraph::<Trace, Log>::new("outer");
            let outer = if hidden {
                let body = move |ctx: Ctx<Log>| {
                    let inner = inner.clone();
                    async move {
                        let run = inner.invoke(Trace::update()).context(ctx.context());
                        run.await.map(drop)
                    }
                };
                outer.add_node("outer", node(body).limiter(&l))
            } else {
                outer.add_node("outer", node(inner).limiter(&l))
            };
            let outer = sound(outer.add_edge(START, "outer"));
            let mut runs = vec![begin(&outer, &log), begin(&both, &log)];
            runs.extend((0..100).map(|_| begin(&outer, &log)));
            sleep(ms(10)).await;
            runs.push(streams(&work("s", &[&s]), &work("other", &[&s]), &log));
            within_a_day(all(runs)).await;
            log
        });
        let last = *log.seconds().last().expect("they have begun");
        // One at a time for 20 ms, and at the most once kept in vain.
        let all = 0.02 * 502.0;
        assert!(last < all + if hidden { 1.0 } else { 0.0 }, "{last}");
    }
}

/// What runs may do at most, and what tasks do.
#[derive(Debug, Clone)]
struct Plan {
    /// For each, its slots, and how many may start in a second.
    limiters: [(usize, Option<u32>); 2],
    nodes: [Bounded; 3],
    run: Option<usize>,
    /// How many runs there are at the same time.
    runs: usize,
}

#[derive(Debug, Clone)]
struct Bounded {
    limiters: [bool; 2],
    most: Option<usize>,
    /// For each task, how long it takes and how often it fails.
    tasks: Vec<(u64, u32)>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let most = || proptest::option::of(1_usize..4);
    let task = || (0_u64..20, 0_u32..3);
    let node = move || {
        (any::<[bool; 2]>(), most(), vec(task(), 0..9)).prop_map(|(limiters, most, tasks)| {
            Bounded {
                limiters,
                most,
                tasks,
            }
        })
    };
    let limiter = || (1_usize..4, proptest::option::of(20_u32..200));
    let limiters = [limiter(), limiter()];
    (limiters, [node(), node(), node()], most(), 1_usize..4).prop_map(
        |(limiters, nodes, run, runs)| Plan {
            limiters,
            nodes,
            run,
            runs,
        },
    )
}

/// What is alive under each limit.
#[derive(Clone, Default)]
struct Counted {
    limiters: Arc<[Alive; 2]>,
    nodes: Arc<[Alive; 3]>,
    run: Alive,
}

const WORKERS: [Worker<(u64, u32)>; 3] =
    [Worker::new("one"), Worker::new("two"), Worker::new("three")];

fn limiter((most, _rate): (usize, Option<u32>)) -> Limiter {
    let limiter = Limiter::new().max_concurrency(most);
    #[cfg(feature = "rate-limit")]
    if let Some(rate) = _rate {
        return limiter.per_second(rate).burst(1);
    }
    limiter
}

fn graph(plan: &Plan) -> Graph<Trace, Counted> {
    let limiters = plan.limiters.map(limiter);
    let mut graph = StateGraph::<Trace, Counted>::new("drawn");
    for (index, bounded) in plan.nodes.iter().enumerate() {
        let uses = bounded.limiters;
        let body = move |(takes, fails): (u64, u32), ctx: Ctx<Counted>| async move {
            let of_limiters = ctx.limiters.iter().zip(uses).filter(|&(_, uses)| uses);
            let of_limiters: Vec<_> = of_limiters.map(|(alive, _)| alive.enter()).collect();
            let alive = (of_limiters, ctx.nodes[index].enter(), ctx.run.enter());
            sleep(ms(takes)).await;
            drop(alive);
            match ctx.attempt() > fails {
                true => Ok(Trace::update().sum(1_u64)),
                false => Err(oops()),
            }
        };
        let mut policed = node(body).retry(Retry::attempts(3).delay(ms(5)));
        for (limiter, _) in limiters.iter().zip(uses).filter(|&(_, uses)| uses) {
            policed = policed.limiter(limiter);
        }
        if let Some(most) = bounded.most {
            policed = policed.max_concurrency(most);
        }
        graph = graph.add_worker(WORKERS[index], policed);
    }
    let tasks = plan.nodes.clone().map(|bounded| bounded.tasks);
    let sends = move |_: &Trace| {
        let all = WORKERS.iter().zip(&tasks);
        let all = all.flat_map(|(worker, tasks)| tasks.iter().map(|&task| worker.send(task)));
        all.collect::<Vec<_>>()
    };
    graph = graph.add_conditional_edges(START, sends, WORKERS);
    if let Some(most) = plan.run {
        graph = graph.max_concurrency(most);
    }
    sound(graph)
}

/// What each run has come to, with its log, and what was alive.
async fn run_all(plan: Plan) -> Vec<(Run<Trace>, String, Counted)> {
    let (graph, limiters) = (graph(&plan), Arc::<[Alive; 2]>::default());
    let runs = (0..plan.runs).map(|_| {
        let counted = Counted {
            limiters: Arc::clone(&limiters),
            ..Counted::default()
        };
        let run = graph.invoke(Trace::update()).context(counted.clone());
        let (file, flushed) = File::with_room(usize::MAX);
        let run = run.watch(JsonLines::new(file));
        (tokio::spawn(run.into_future()), flushed, counted)
    });
    let mut ended = Vec::new();
    for (run, log, counted) in runs.collect::<Vec<_>>() {
        let run = within_a_day(run).await.expect("it does not panic");
        ended.push((run.expect("it ends well"), log.iter().collect(), counted));
    }
    ended
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn whatever_the_limits_all_is_done_and_never_more_at_once_than_allowed(plan in plans()) {
        let ended = ends(run_all(plan.clone()));
        let tasks: usize = plan.nodes.iter().map(|bounded| bounded.tasks.len()).sum();
        for (run, log, counted) in ended {
            prop_assert_eq!(run.state.sum, tasks as u64);
            let logged = Timeline::from_json_lines(&log).expect("it is a log");
            prop_assert_eq!(spans(&logged), spans(&run.timeline()));
            prop_assert!(plan.run.is_none_or(|most| counted.run.most() <= most));
            for (alive, (most, _)) in counted.limiters.iter().zip(plan.limiters) {
                prop_assert!(alive.most() <= most);
            }
            for (alive, bounded) in counted.nodes.iter().zip(&plan.nodes) {
                prop_assert!(bounded.most.is_none_or(|most| alive.most() <= most));
            }
        }
    }
}
