//! One constructor for each finding, so that its wording has one home.

use std::fmt;

use serde_json::Value;

use super::diagnostic::Diagnostic;
use crate::graph::Place;
use crate::id::{END, MOST_LISTED, START, constant_named, list_of};
use crate::node::Zero;

/// Findings as they are made; sorted at the end.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Findings {
    fn error(&mut self, place: Place, code: &'static str, message: Text<'_>, help: Text<'_>) {
        self.errors.push(diagnostic(place, code, message, help));
    }

    fn warning(&mut self, place: Place, code: &'static str, message: Text<'_>, help: Text<'_>) {
        self.warnings.push(diagnostic(place, code, message, help));
    }

    /// What a node brings, at its place among the calls; of several that bring the
    /// same, the first.
    pub(super) fn brought(&mut self, node: Place, mistake: &Diagnostic) {
        let same = |known: &Diagnostic| Diagnostic {
            order: mistake.order,
            ..known.clone()
        };
        if self.errors.iter().all(|known| same(known) != *mistake) {
            self.errors.push(Diagnostic {
                order: node.order,
                ..mistake.clone()
            });
        }
    }

    /// `listed` are the first of the `n_known` names that there are.
    pub(super) fn unknown_node(
        &mut self,
        place: Place,
        what: &str,
        name: &str,
        meant: Option<&str>,
        listed: &[&str],
        n_known: usize,
    ) {
        let same_letters = meant.is_some_and(|meant| meant.eq_ignore_ascii_case(name));
        let constant = constant_named(name).filter(|_| !same_letters);
        let help = match (constant, meant, n_known) {
            (Some(constant), _, _) => format!("write the constant `{constant}`, without quotes"),
            (_, Some(meant), _) => format!("did you mean `{meant}`?"),
            (_, _, 0) => "add it with `add_node`".to_owned(),
            _ => format!(
                "add it with `add_node`; there are {}",
                list_of(listed, n_known)
            ),
        };
        self.error(
            place,
            "unknown-node",
            format_args!("{what} names `{name}`, which is not a node of this graph"),
            format_args!("{help}"),
        );
    }

    pub(super) fn duplicate_node(&mut self, place: Place, name: &str, first: Place) {
        self.error(
            place,
            "duplicate-node",
            format_args!("`{name}` is already the name of a node"),
            format_args!(
                "rename one of them; the first is added at {}",
                first.location
            ),
        );
    }

    pub(super) fn invalid_name(&mut self, place: Place, name: &str, why: &str) {
        self.error(
            place,
            "invalid-name",
            format_args!("a node cannot be called {name:?}: {why}"),
            format_args!("give the node another name"),
        );
    }

    pub(super) fn no_entry(&mut self, place: Place) {
        self.error(
            place,
            "no-entry",
            format_args!("nothing leads out of `START`"),
            format_args!("add an edge from `START` to the first node"),
        );
    }

    pub(super) fn edge_into_start(&mut self, place: Place, what: &str) {
        self.error(
            place,
            "edge-into-start",
            format_args!("{what} leads into `START`"),
            format_args!("`{START}` only begins runs; go to the node that should run instead"),
        );
    }

    pub(super) fn edge_out_of_end(&mut self, place: Place, what: &str) {
        self.error(
            place,
            "edge-out-of-end",
            format_args!("{what} leads out of `END`"),
            format_args!("`{END}` only ends paths; start from the node that runs before it"),
        );
    }

    pub(super) fn empty_edge(&mut self, place: Place, what: &str, side: &str) {
        self.error(
            place,
            "empty-edge",
            format_args!("{what} has no {side}"),
            format_args!("name at least one node on each side"),
        );
    }

    pub(super) fn join_from_start(&mut self, place: Place, target: &str) {
        self.error(
            place,
            "join-from-start",
            format_args!("a join into `{target}` waits for `START`"),
            format_args!("leave `START` out of the join; it is always there"),
        );
    }

    pub(super) fn repeated_source(&mut self, place: Place, source: &str, target: &str) {
        self.error(
            place,
            "repeated-source",
            format_args!("a join into `{target}` names `{source}` twice"),
            format_args!("name each source once; a join does not count"),
        );
    }

    pub(super) fn route_to_nowhere(&mut self, place: Place, what: &str, from: &[&str]) {
        self.error(
            place,
            "route-to-nowhere",
            format_args!("{what} from {} declares no target", list(from)),
            format_args!("declare the nodes that it may go to"),
        );
    }

    pub(super) fn breakpoint_at_no_node(&mut self, place: Place, name: &str) {
        self.error(
            place,
            "breakpoint-at-no-node",
            format_args!("a breakpoint names `{name}`, at which nothing runs"),
            format_args!("name the node before or after which runs are to stop"),
        );
    }

    pub(super) fn edge_to_worker(&mut self, place: Place, what: &str, worker: &str) {
        self.error(
            place,
            "edge-to-worker",
            format_args!("{what} leads to worker `{worker}`, which needs a value"),
            format_args!("send values to it from `add_conditional_edges`, or add it as a node"),
        );
    }

    pub(super) fn deferred_worker(&mut self, place: Place, worker: &str) {
        self.error(
            place,
            "deferred-worker",
            format_args!(
                "worker `{worker}` is deferred, but sends always run in the next superstep"
            ),
            format_args!("defer the node that collects its results instead"),
        );
    }

    /// `inside` are the graphs in it that remember, by the nodes on the way.
    pub(super) fn memory_in_worker(&mut self, place: Place, worker: &str, inside: &[&str]) {
        self.error(
            place,
            "memory-in-worker",
            format_args!(
                "worker `{worker}` runs many times at once, and {} in it {} one memory for each thread",
                list(inside),
                if inside.len() == 1 { "has" } else { "have" },
            ),
            format_args!(
                "remove `.per_thread()`, and keep what is to be remembered in the state of the graph that sends"
            ),
        );
    }

    pub(super) fn cache_without_store(&mut self, place: Place, node: &str) {
        self.error(
            place,
            "cache-without-store",
            format_args!("`{node}` keeps its results in the graph's cache, and the graph has none"),
            format_args!(
                "give the graph one: `.cache(MemoryCache::new())`, or a `Cache` of your own"
            ),
        );
    }

    pub(super) fn eager_with_checkpointer(&mut self, place: Place) {
        self.error(
            place,
            "eager-with-checkpointer",
            format_args!("the graph is eager, and has a checkpointer"),
            format_args!("remove `.eager()` or `.checkpointer(..)`: threads go by supersteps"),
        );
    }

    pub(super) fn eager_with_join(&mut self, place: Place, target: &str) {
        self.error(
            place,
            "eager-with-join",
            format_args!("the graph is eager, and the join into `{target}` may do without sources"),
            format_args!(
                "remove `.eager()`, or let the join wait for all: `add_edge([..], {target:?})`"
            ),
        );
    }

    pub(super) fn hedge_not_idempotent(&mut self, place: Place, node: &str) {
        self.error(
            place,
            "hedge-not-idempotent",
            format_args!("`{node}` is hedged, but does not say that it may run twice at once"),
            format_args!("if it may, declare it: `.idempotent()`; else remove `.hedge(..)`"),
        );
    }

    pub(super) fn zero_limit(&mut self, place: Place, zero: Zero, whose: Text<'_>) {
        let Zero { what, why } = zero;
        self.error(
            place,
            "zero-limit",
            format_args!("`{what}` of {whose} is 0: {why}"),
            format_args!("give it a number above 0, or leave it out"),
        );
    }

    pub(super) fn unknown_field(
        &mut self,
        place: Place,
        node: &str,
        field: &str,
        meant: Option<&str>,
    ) {
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "declare fields of the state's struct".to_owned(),
        };
        self.error(
            place,
            "unknown-field",
            format_args!(
                "`{node}` declares that it writes `{field}`, which is not a field of the state"
            ),
            format_args!("{help}"),
        );
    }

    /// `after` are nodes that only this one leads to.
    pub(super) fn unreachable_node(&mut self, place: Place, name: &str, after: &[&str]) {
        let and_so = match after {
            [] => String::new(),
            after => format!(", and so to {}", list(after)),
        };
        self.error(
            place,
            "unreachable-node",
            format_args!("nothing that can run leads to `{name}`{and_so}"),
            format_args!("add an edge to it, declare it as a target, or remove it"),
        );
    }

    pub(super) fn join_never_fills(&mut self, place: Place, target: &str, why: &str) {
        self.error(
            place,
            "join-never-fills",
            format_args!("the join into `{target}` can never fill: {why}"),
            format_args!("wait only for sources that can all run, or use a plain edge from each"),
        );
    }

    fn impossible_join(&mut self, place: Place, target: &str, why: Text<'_>, help: Text<'_>) {
        self.error(
            place,
            "impossible-join",
            format_args!("the join into `{target}` {why}"),
            help,
        );
    }

    pub(super) fn quorum_of_none(&mut self, place: Place, target: &str) {
        self.impossible_join(
            place,
            target,
            format_args!("waits for no success at all"),
            format_args!("let the quorum be 1 at least, or wait with `Join::settled()`"),
        );
    }

    pub(super) fn quorum_of_too_many(
        &mut self,
        place: Place,
        target: &str,
        quorum: usize,
        n_sources: usize,
    ) {
        self.impossible_join(
            place,
            target,
            format_args!("waits for {quorum} successes and has {n_sources} sources"),
            format_args!("let the quorum be {n_sources} at the most"),
        );
    }

    pub(super) fn rule_into_end(&mut self, place: Place) {
        self.impossible_join(
            place,
            "END",
            format_args!("has a rule, and the end of a path waits for nothing"),
            format_args!("join into a node, and let that lead to `END`"),
        );
    }

    pub(super) fn no_time(&mut self, place: Place, target: &str) {
        self.impossible_join(
            place,
            target,
            format_args!("gives its sources no time"),
            format_args!("give `within` a time above zero, or leave it out"),
        );
    }

    pub(super) fn required_no_source(
        &mut self,
        place: Place,
        target: &str,
        name: &str,
        meant: Option<&str>,
    ) {
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name one of the join's own sources".to_owned(),
        };
        self.impossible_join(
            place,
            target,
            format_args!("requires `{name}`, which is none of its sources"),
            format_args!("{help}"),
        );
    }

    pub(super) fn endless_cycle(&mut self, place: Place, cycle: &[&str]) {
        self.error(
            place,
            "endless-cycle",
            format_args!("there is no way out of the cycle {}", list(cycle)),
            format_args!("let a route in the cycle also lead out of it, or to `END`"),
        );
    }

    /// `sources` are those of the edges into `target`, `START` left out.
    pub(super) fn uneven_paths(
        &mut self,
        place: Place,
        target: &str,
        early: Option<&str>,
        late: &str,
        sources: &[&str],
    ) {
        let help = match early {
            None => format!("remove the edge from `START` to run it only after `{late}`"),
            Some(_) if sources.len() > MOST_LISTED => {
                format!("to wait for all, make one edge of them: `.add_edge([..], {target:?})`")
            }
            Some(_) => format!("to wait for all, write `.add_edge({sources:?}, {target:?})`"),
        };
        let early = early.unwrap_or("START");
        self.warning(
            place,
            "uneven-paths",
            format_args!(
                "`{target}` runs more than once: after `{early}`, and again after `{late}`"
            ),
            format_args!("{help}"),
        );
    }

    /// A worker that conflicts with itself.
    pub(super) fn possible_self_conflict(&mut self, place: Place, field: &str, worker: &str) {
        self.warning(
            place,
            "possible-conflict",
            format_args!(
                "several sends to `{worker}` can run in the same superstep, and each writes `{field}`"
            ),
            format_args!("give `{field}` a reducer, such as `#[reduce(Append)]`"),
        );
    }

    pub(super) fn possible_conflict(
        &mut self,
        place: Place,
        field: &str,
        first: &str,
        second: &str,
    ) {
        self.warning(
            place,
            "possible-conflict",
            format_args!(
                "`{first}` and `{second}` can run in the same superstep, and both write `{field}`"
            ),
            format_args!("give `{field}` a reducer, such as `#[reduce(Last)]`, or put one node after the other"),
        );
    }

    pub(super) fn stuck_reducer(
        &mut self,
        place: Place,
        field: &str,
        value: &Value,
        reducer: &str,
    ) {
        self.warning(
            place,
            "stuck-reducer",
            format_args!("`{field}` begins as `{value}`, which `{reducer}` can never change"),
            format_args!(
                "write `Default` by hand with another value, or start with `.overwrite_{field}(..)`"
            ),
        );
    }

    pub(super) fn idle_destinations(&mut self, place: Place, node: &str) {
        self.warning(
            place,
            "idle-destinations",
            format_args!("`{node}` declares destinations, but returns no `Command`"),
            format_args!("return a `Command`, or remove `.destinations(..)`"),
        );
    }
}

/// Not formatted yet, so that no rule has code for it of its own.
type Text<'t> = fmt::Arguments<'t>;

fn diagnostic(place: Place, code: &'static str, message: Text<'_>, help: Text<'_>) -> Diagnostic {
    Diagnostic {
        code,
        message: fmt::format(message),
        help: fmt::format(help),
        location: place.location,
        order: place.order,
    }
}

/// Names in backticks, separated by commas; of a great many, the first.
fn list(names: &[&str]) -> String {
    list_of(names, names.len())
}
