//! What routes and commands name, resolved and checked.

use crate::compile::{Allowed, Frozen, FrozenDestinations, FrozenRoute, NodeIndex, nearest};
use crate::id::{END, START, constant_named, list_of};
use crate::node::{InputType, Payload, SendTo, Target};
use crate::state::State;

/// A target that is there.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// Nothing; of interest to those who read of it.
    End,
    Node(NodeIndex),
    Send(NodeIndex, Box<dyn Payload>),
}

impl Chosen {
    /// The node that is gone to.
    pub(crate) fn node(&self) -> Option<NodeIndex> {
        match self {
            Self::End => None,
            Self::Node(node) | Self::Send(node, _) => Some(*node),
        }
    }
}

/// A target that cannot be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadTarget {
    pub(crate) target: String,
    /// Why not, as the end of a sentence that begins with the target.
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) help: String,
}

/// Who names the targets, which says where it may go.
pub(crate) enum Chooser<'g, S> {
    Route(&'g FrozenRoute<S>),
    Command(Option<&'g FrozenDestinations>),
}

impl<'g, S> Chooser<'g, S> {
    /// What was declared; of commands, if anything was.
    fn allowed(&self) -> Option<&'g Allowed> {
        match self {
            Self::Route(route) => Some(&route.allowed),
            Self::Command(declared) => declared.map(|declared| &declared.allowed),
        }
    }

    /// What is called what was declared.
    fn what(&self) -> &'static str {
        match self {
            Self::Route(_) => "target",
            Self::Command(_) => "destination",
        }
    }
}

/// What is named: a node to go to, or a worker to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Node,
    Worker,
}

/// Resolves `targets` in order and adds them to `chosen`.
pub(crate) fn choose<S: State, C>(
    graph: &Frozen<S, C>,
    chooser: &Chooser<'_, S>,
    targets: Vec<Target>,
    chosen: &mut Vec<Chosen>,
) -> Result<(), BadTarget> {
    chosen.reserve(targets.len());
    // Sends mostly come in rows to one worker: it is looked up once.
    let mut last: Option<(&'static str, WorkerAt)> = None;
    for target in targets {
        match target {
            Target::Node(name) => chosen.push(choose_name(graph, chooser, &name)?),
            Target::Parent(targets) => return Err(no_parent(&targets)),
            Target::Send(send) => {
                let worker = match last {
                    Some((name, worker)) if std::ptr::eq(name, send.worker) => worker,
                    _ => worker(graph, chooser, &send)?,
                };
                last = Some((send.worker, worker));
                chosen.push(choose_send(worker, send)?);
            }
        }
    }
    Ok(())
}

/// Of a graph that is no subgraph, or a route.
fn no_parent(targets: &[Target]) -> BadTarget {
    BadTarget {
        target: match targets.first() {
            Some(Target::Node(name)) => name.to_string(),
            Some(Target::Send(send)) => send.worker().to_owned(),
            Some(Target::Parent(_)) | None => "its parent".to_owned(),
        },
        why: "is meant for a parent graph, and there is none".into(),
        help: "return `Command::parent()` from nodes of subgraphs only".into(),
    }
}

/// Resolves one name.
fn choose_name<S: State, C>(
    graph: &Frozen<S, C>,
    chooser: &Chooser<'_, S>,
    name: &str,
) -> Result<Chosen, BadTarget> {
    let Some(node) = lookup(graph, chooser, Wanted::Node, name)? else {
        return Ok(Chosen::End);
    };
    if graph.node(node).worker.is_some() {
        return Err(BadTarget {
            target: name.into(),
            why: "is a worker and needs a value".into(),
            help: "send it one with `WORKER.send(value)`".into(),
        });
    }
    Ok(Chosen::Node(node))
}

/// A worker's index, and the type of its input.
type WorkerAt = (NodeIndex, InputType);

fn worker<S: State, C>(
    graph: &Frozen<S, C>,
    chooser: &Chooser<'_, S>,
    send: &SendTo,
) -> Result<WorkerAt, BadTarget> {
    let node = lookup(graph, chooser, Wanted::Worker, send.worker)?;
    let worker = node.and_then(|node| Some((node, graph.node(node).worker?)));
    worker.ok_or_else(|| BadTarget {
        target: send.worker.into(),
        why: "is not a worker, so nothing can be sent to it".into(),
        help: "add it with `add_worker`, or go to it by its name".into(),
    })
}

fn choose_send((node, input): WorkerAt, send: SendTo) -> Result<Chosen, BadTarget> {
    if send.input.input_type() != input.id {
        let sent = send.input.type_name();
        return Err(BadTarget {
            target: send.worker.into(),
            why: format!("takes a `{}`, and was sent a `{sent}`", input.name),
            help: "use one `const` handle for each worker".into(),
        });
    }
    Ok(Chosen::Send(node, send.input))
}

/// The node of that name, if the chooser may go there; `None` is `END`, where
/// commands may always go.
fn lookup<S: State, C>(
    graph: &Frozen<S, C>,
    chooser: &Chooser<'_, S>,
    wanted: Wanted,
    name: &str,
) -> Result<Option<NodeIndex>, BadTarget> {
    let allowed = chooser.allowed();
    if name == END {
        if matches!(chooser, Chooser::Command(_)) || allowed.is_none_or(|allowed| allowed.end) {
            return Ok(None);
        }
    } else if let Some(node) = graph.index_of(name)
        && allowed.is_none_or(|allowed| allowed.allows(node))
    {
        return Ok(Some(node));
    }
    Err(unknown(graph, chooser, wanted, name))
}

fn unknown<S: State, C>(
    graph: &Frozen<S, C>,
    chooser: &Chooser<'_, S>,
    wanted: Wanted,
    name: &str,
) -> BadTarget {
    let exists = graph.index_of(name).is_some() || name == END;
    let (why, help) = match chooser.allowed() {
        _ if name == START => (
            "only begins runs".into(),
            "go to the node that should run instead".into(),
        ),
        Some(allowed) if exists => (
            undeclared(chooser.what(), &names_of(graph, allowed)),
            match chooser {
                Chooser::Command(Some(declared)) => {
                    let of = graph.name_of(declared.of);
                    format!("add `{name}` to `.destinations(..)` of `{of}`")
                }
                _ => "declare it as a target of the route".into(),
            },
        ),
        allowed => {
            let declared = allowed.map(|allowed| names_of(graph, allowed));
            let help = instead(graph, wanted, name, declared);
            ("is not a node of this graph".into(), help)
        }
    };
    BadTarget {
        target: name.into(),
        why,
        help,
    }
}

/// What is allowed, as users write it.
fn names_of<'g, S: State, C>(graph: &'g Frozen<S, C>, allowed: &Allowed) -> Vec<&'g str> {
    let end = allowed.end.then_some("END");
    let nodes = allowed.nodes.iter();
    end.into_iter()
        .chain(nodes.map(|&node| graph.name_of(node).as_str()))
        .collect()
}

fn undeclared(what: &str, declared: &[&str]) -> String {
    match declared {
        [] => format!("is not a declared {what}, since there are none"),
        [only] => format!("is not the declared {what} `{only}`"),
        several => {
            let several = list_of(several, several.len());
            format!("is not among the declared {what}s {several}")
        }
    }
}

/// What can be named in place of `name`, which nothing has.
fn instead<S: State, C>(
    graph: &Frozen<S, C>,
    wanted: Wanted,
    name: &str,
    declared: Option<Vec<&str>>,
) -> String {
    let any_is_allowed = declared.is_none();
    let possible = declared.unwrap_or_else(|| graph.names.iter().map(AsRef::as_ref).collect());
    let meant = nearest(name, possible.iter().copied());
    let same_letters =
        meant.is_some_and(|meant| meant != "END" && meant.eq_ignore_ascii_case(name));
    if constant_named(name) == Some("END") && wanted == Wanted::Node && !same_letters {
        return "write the constant `END`, without quotes".into();
    }
    if let Some(meant) = meant {
        return format!("did you mean `{meant}`?");
    }
    let is_wanted = |known: &&str| {
        let node = graph.index_of(known);
        let is_worker = node.is_some_and(|node| graph.node(node).worker.is_some());
        is_worker == (wanted == Wanted::Worker)
    };
    let known: Vec<&str> = possible.into_iter().filter(is_wanted).collect();
    let what = match wanted {
        Wanted::Worker => "add it with `add_worker`",
        Wanted::Node if any_is_allowed => "go to a node of this graph, or to `END`",
        Wanted::Node => "go to a target that is declared here",
    };
    match known.len() {
        0 => what.to_owned(),
        n_known => format!("{what}; there are {}", list_of(&known, n_known)),
    }
}
