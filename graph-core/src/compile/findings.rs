//! One constructor for each finding, so that its wording has one home.

use std::fmt;

use super::diagnostic::Diagnostic;
use crate::graph::Place;
use crate::id::{END, START};

/// Findings as they are made; sorted at the end.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Findings {
    fn error(&mut self, place: Place, code: &'static str, message: String, help: String) {
        self.errors.push(diagnostic(place, code, message, help));
    }

    fn warning(&mut self, place: Place, code: &'static str, message: String, help: String) {
        self.warnings.push(diagnostic(place, code, message, help));
    }

    /// `listed` are the first of the `n_known` names that there are.
    pub(super) fn unknown_node(
        &mut self,
        place: Place,
        what: &str,
        name: &str,
        meant: Option<&str>,
        listed: &[String],
        n_known: usize,
    ) {
        let help = match (meant, n_known) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, 0) => "add it with `add_node`".to_owned(),
            (None, _) => format!(
                "add it with `add_node`; there are {}",
                list_of(listed, n_known)
            ),
        };
        self.error(
            place,
            "unknown-node",
            format!("{what} names `{name}`, which is not a node of this graph"),
            help,
        );
    }

    pub(super) fn duplicate_node(&mut self, place: Place, name: &str, first: Place) {
        self.error(
            place,
            "duplicate-node",
            format!("`{name}` is already the name of a node"),
            format!(
                "rename one of them; the first is added at {}",
                first.location
            ),
        );
    }

    pub(super) fn invalid_name(&mut self, place: Place, name: &str, why: &str) {
        self.error(
            place,
            "invalid-name",
            format!("a node cannot be called {name:?}: {why}"),
            "give the node another name".to_owned(),
        );
    }

    pub(super) fn no_entry(&mut self, place: Place) {
        self.error(
            place,
            "no-entry",
            "nothing leads out of `START`".to_owned(),
            "add an edge from `START` to the first node".to_owned(),
        );
    }

    pub(super) fn edge_into_start(&mut self, place: Place, what: &str) {
        self.error(
            place,
            "edge-into-start",
            format!("{what} leads into `START`"),
            format!("`{START}` only begins runs; go to the node that should run instead"),
        );
    }

    pub(super) fn edge_out_of_end(&mut self, place: Place, what: &str) {
        self.error(
            place,
            "edge-out-of-end",
            format!("{what} leads out of `END`"),
            format!("`{END}` only ends paths; start from the node that runs before it"),
        );
    }

    pub(super) fn empty_edge(&mut self, place: Place, what: &str, side: &str) {
        self.error(
            place,
            "empty-edge",
            format!("{what} has no {side}"),
            "name at least one node on each side".to_owned(),
        );
    }

    pub(super) fn join_from_start(&mut self, place: Place, target: &str) {
        self.error(
            place,
            "join-from-start",
            format!("a join into `{target}` waits for `START`"),
            "leave `START` out of the join; it is always there".to_owned(),
        );
    }

    pub(super) fn repeated_source(&mut self, place: Place, source: &str, target: &str) {
        self.error(
            place,
            "repeated-source",
            format!("a join into `{target}` names `{source}` twice"),
            "name each source once; a join does not count".to_owned(),
        );
    }

    pub(super) fn route_to_nowhere(&mut self, place: Place, what: &str, from: &[&str]) {
        self.error(
            place,
            "route-to-nowhere",
            format!("{what} from {} declares no target", list(from)),
            "declare the nodes that it may go to".to_owned(),
        );
    }

    pub(super) fn edge_to_worker(&mut self, place: Place, what: &str, worker: &str) {
        self.error(
            place,
            "edge-to-worker",
            format!("{what} leads to worker `{worker}`, which needs a value"),
            "send values to it from `add_conditional_edges`, or add it as a node".to_owned(),
        );
    }

    pub(super) fn deferred_worker(&mut self, place: Place, worker: &str) {
        self.error(
            place,
            "deferred-worker",
            format!("worker `{worker}` is deferred, but sends always run in the next superstep"),
            "defer the node that collects its results instead".to_owned(),
        );
    }

    pub(super) fn unknown_field(
        &mut self,
        place: Place,
        node: &str,
        field: &str,
        meant: Option<&str>,
    ) {
        self.error(
            place,
            "unknown-field",
            format!(
                "`{node}` declares that it writes `{field}`, which is not a field of the state"
            ),
            match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "declare fields of the state's struct".to_owned(),
            },
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
            format!("nothing that can run leads to `{name}`{and_so}"),
            "add an edge to it, declare it as a target, or remove it".to_owned(),
        );
    }

    pub(super) fn join_never_fills(&mut self, place: Place, target: &str, why: &str) {
        self.error(
            place,
            "join-never-fills",
            format!("the join into `{target}` can never fill: {why}"),
            "wait only for sources that can all run, or use a plain edge from each".to_owned(),
        );
    }

    pub(super) fn endless_cycle(&mut self, place: Place, cycle: &[&str]) {
        self.error(
            place,
            "endless-cycle",
            format!("there is no way out of the cycle {}", list(cycle)),
            "let a route in the cycle also lead out of it, or to `END`".to_owned(),
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
            format!("`{target}` runs more than once: after `{early}`, and again after `{late}`"),
            help,
        );
    }

    /// A worker that conflicts with itself.
    pub(super) fn possible_self_conflict(&mut self, place: Place, field: &str, worker: &str) {
        self.warning(
            place,
            "possible-conflict",
            format!(
                "several sends to `{worker}` can run in the same superstep, and each writes `{field}`"
            ),
            format!("give `{field}` a reducer, such as `#[reduce(Append)]`"),
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
            format!(
                "`{first}` and `{second}` can run in the same superstep, and both write `{field}`"
            ),
            format!("give `{field}` a reducer, such as `#[reduce(Last)]`, or put one node after the other"),
        );
    }

    pub(super) fn idle_destinations(&mut self, place: Place, node: &str) {
        self.warning(
            place,
            "idle-destinations",
            format!("`{node}` declares destinations, but returns no `Command`"),
            "return a `Command`, or remove `.destinations(..)`".to_owned(),
        );
    }
}

fn diagnostic(place: Place, code: &'static str, message: String, help: String) -> Diagnostic {
    Diagnostic {
        code,
        message,
        help,
        location: place.location,
        order: place.order,
    }
}

/// The most names that one finding lists.
pub(super) const MOST_LISTED: usize = 12;

/// Names in backticks, separated by commas; of a great many, the first.
fn list(names: &[&str]) -> String {
    list_of(names, names.len())
}

fn list_of(names: &[impl fmt::Display], n_names: usize) -> String {
    let listed = names.iter().take(MOST_LISTED);
    let quoted: Vec<_> = listed.map(|name| format!("`{name}`")).collect();
    match n_names.saturating_sub(MOST_LISTED) {
        0 => quoted.join(", "),
        more => format!("{}, and {more} more", quoted.join(", ")),
    }
}
