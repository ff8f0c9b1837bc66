//! Reads the sources, and fails where they break a rule of the house that no
//! lint knows: which module may name which, who may name petgraph and tokio's
//! clock, how long things get.

#[path = "tidy/source.rs"]
mod source;

use std::fmt::Write as _;

use source::{Source, functions, paths, resolved, source, sources};

/// The modules of the engine, and what each may name beside itself.
///
/// `checkpoint` comes before `node`: a graph records what keeps its threads.
/// What is kept says nothing of graphs, so that a checkpointer can be written
/// without one.
const MODULES: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("state", &["id"]),
    ("checkpoint", &["id", "state"]),
    ("cache", &[]),
    ("slots", &[]),
    ("node", &["id", "state", "checkpoint", "cache", "slots"]),
    ("graph", &["id", "state", "checkpoint", "cache", "node"]),
    (
        "compile",
        &["id", "state", "checkpoint", "cache", "node", "graph"],
    ),
    ("plan", &["id", "state", "checkpoint", "node", "compile"]),
    ("merge", &["id", "state", "checkpoint", "compile"]),
    ("event", &["id", "state", "checkpoint", "node"]),
    (
        "run",
        &[
            "id",
            "state",
            "checkpoint",
            "cache",
            "slots",
            "node",
            "graph",
            "compile",
            "plan",
            "merge",
            "event",
        ],
    ),
    (
        "transcript",
        &[
            "id",
            "state",
            "checkpoint",
            "cache",
            "node",
            "graph",
            "compile",
            "plan",
            "merge",
            "event",
            "run",
        ],
    ),
    (
        "timeline",
        &[
            "id",
            "state",
            "checkpoint",
            "cache",
            "node",
            "graph",
            "compile",
            "plan",
            "merge",
            "event",
            "run",
        ],
    ),
    (
        "testing",
        &[
            "id",
            "state",
            "checkpoint",
            "cache",
            "node",
            "graph",
            "compile",
            "plan",
            "merge",
            "event",
            "run",
            "transcript",
            "timeline",
        ],
    ),
];

const MOST_LINES_OF_A_FILE: usize = 600;
const MOST_LINES_OF_A_FUNCTION: usize = 70;
const MOST_LINES_OF_AN_EXAMPLE: usize = 150;

/// The files that may name std's hash maps, each with a reasoned `expect`.
const HASH_MAPS: &[&str] = &[
    "graph-core/src/state/into_update.rs",
    "graph-core/src/state/reducer.rs",
];

/// Who may spawn, sleep and wait beside `run`: who runs cases as tests do, who
/// gives leases back over a socket, who asks over one and not for ever, who tries
/// calls of tools and parts of chains again, who talks to servers of tools, and models
/// that take their time in tests.
const RUNTIMES: &[&str] = &[
    "graph-core/src/run/",
    "graph-core/src/testing/kit/judge.rs",
    "agents/src/chain/policy.rs",
    "agents/src/mcp/",
    "agents/src/tools/attempt.rs",
    "agents/src/tools/pool.rs",
    "providers/src/openai/",
    "providers/src/postgres/mod.rs",
    "providers/src/testing/",
];

/// Who may look at the runtime's clock, which tests can pause, and no more than
/// that: what keeps leases and results in memory sees when they end, what measures
/// rates how long ago something was, what rests when it is over, a body's signs of
/// life have their times, and what counts for the timeouts of chains is measured.
const CLOCKS: &[&str] = &[
    "agents/src/chain/time.rs",
    "graph-core/src/cache/memory.rs",
    "graph-core/src/checkpoint/memory.rs",
    "graph-core/src/node/governed.rs",
    "graph-core/src/node/pulse.rs",
    "graph-core/src/node/rest.rs",
];

fn engine() -> Vec<Source> {
    sources(&["graph-core/src"])
}

fn everything() -> Vec<Source> {
    sources(&[
        "graph-core/src",
        "src",
        "graph-macros/src",
        "providers/src",
        "agents/src",
    ])
}

/// What is not part of a library, but read just as well.
fn beside() -> Vec<Source> {
    sources(&[
        "tests",
        "examples",
        "benches",
        "providers/tests",
        "agents/tests",
    ])
}

/// Fails with what was found, one mistake a line.
#[track_caller]
fn nothing(mistakes: &[String], rule: &str) {
    let mut text = String::new();
    for mistake in mistakes {
        let _ = writeln!(text, "  {mistake}");
    }
    assert!(mistakes.is_empty(), "{rule}:\n{text}");
}

fn breaches(source: &Source) -> Vec<String> {
    let modules = source.modules();
    let Some(&module) = modules.first() else {
        return Vec::new(); // the table of contents
    };
    let Some((_, may)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "{}: `{module}` is not in the list of modules",
            source.path
        )];
    };
    let mut breaches = Vec::new();
    for (line, path) in paths(source, &["crate", "super"]) {
        let named = resolved(source, &path);
        let named = named.first().copied().unwrap_or("the root");
        if named != module && !may.contains(&named) {
            breaches.push(format!(
                "{}:{line}: `{module}` names `{named}`",
                source.path
            ));
        }
    }
    breaches
}

#[test]
fn a_module_names_only_those_before_it() {
    let mistakes: Vec<String> = engine().iter().flat_map(breaches).collect();
    nothing(&mistakes, "data flows one way");
}

#[test]
fn every_module_is_in_the_order_in_which_it_is_declared() {
    let sources = engine();
    let root = sources
        .iter()
        .find(|source| source.path.ends_with("src/lib.rs"));
    let code = &root.expect("there is a root").code;
    let declared: Vec<&str> = code
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "))
        .filter_map(|line| line.strip_suffix(';'))
        .collect();
    let order = |name: &str| MODULES.iter().position(|(known, _)| *known == name);
    let places: Vec<_> = declared.iter().map(|name| order(name)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{declared:?}"
    );
}

#[test]
fn petgraph_is_named_by_compile_alone_and_never_in_public() {
    let mut mistakes = Vec::new();
    for source in everything() {
        let inside = source.path.starts_with("graph-core/src/compile/");
        for (line, code) in source.lines() {
            let public = code.trim_start().starts_with("pub ");
            if code.contains("petgraph") && (!inside || public) {
                mistakes.push(format!("{}:{line}: {}", source.path, code.trim()));
            }
        }
        if !inside {
            continue;
        }
        let imported: Vec<&str> = paths(&source, &["petgraph"])
            .iter()
            .filter_map(|(_, path)| path.last().copied())
            .collect();
        for (at, _) in source.code.match_indices("pub fn ") {
            let signature = &source.code[at..];
            let signature = &signature[..signature.find(['{', ';']).unwrap_or(signature.len())];
            let words: Vec<&str> = signature
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .collect();
            for name in imported.iter().filter(|name| words.contains(name)) {
                mistakes.push(format!("{}: `{name}` in {}", source.path, signature.trim()));
            }
        }
    }
    nothing(&mistakes, "types of others stay inside");
}

#[test]
fn only_run_spawns_sleeps_and_selects() {
    let mut mistakes = Vec::new();
    for source in everything() {
        if RUNTIMES.iter().any(|path| source.path.starts_with(path)) {
            continue;
        }
        for (line, path) in paths(&source, &["tokio"]) {
            let part = path.get(1).copied().unwrap_or_default();
            let looks = path == ["tokio", "time", "Instant"];
            if looks && CLOCKS.contains(&source.path.as_str()) {
                continue;
            }
            if ["spawn", "task", "time", "select", "join", "runtime"].contains(&part) {
                mistakes.push(format!("{}:{line}: {}", source.path, path.join("::")));
            }
        }
        for (line, code) in source.lines() {
            if ["select!", "block_on(", "spawn_blocking("]
                .iter()
                .any(|call| code.contains(call))
            {
                mistakes.push(format!("{}:{line}: {}", source.path, code.trim()));
            }
        }
    }
    nothing(&mistakes, "only `run` knows a runtime");
}

#[test]
fn back_ends_never_name_each_other() {
    let all = sources(&["providers/src"]);
    let module = |source: &Source| {
        let inside = source.path.trim_start_matches("providers/src/");
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        module.to_owned()
    };
    let mut modules: Vec<String> = all.iter().map(module).collect();
    // What models have in common is no back end, nor is what connections have.
    modules.retain(|module| !["lib", "chat", "tls"].contains(&module.as_str()));
    modules.dedup();
    let mut mistakes = Vec::new();
    for source in &all {
        let own = module(source);
        if own == "lib" {
            continue; // the table of contents
        }
        for (line, path) in paths(source, &["crate", "super"]) {
            let named = path.iter().find(|part| !["crate", "super"].contains(part));
            if let Some(named) = named.filter(|named| modules.iter().any(|module| module == *named))
                && own != **named
            {
                mistakes.push(format!("{}:{line}: `{own}` names `{named}`", source.path));
            }
        }
    }
    nothing(&mistakes, "a back end stands by itself");
}

/// What is built on graphs is built on what everybody can name; what derives write
/// in it names the rest by way of its root.
#[test]
fn agents_name_the_public_face_only() {
    let mut mistakes = Vec::new();
    for source in sources(&["agents/src"]) {
        for (line, path) in paths(&source, &["superstep_core", "superstep_providers"]) {
            let hidden = path.iter().any(|name| name.starts_with("__"));
            if hidden && source.path != "agents/src/lib.rs" {
                mistakes.push(format!("{}:{line}: {}", source.path, path.join("::")));
            }
        }
    }
    nothing(&mistakes, "agents know no insides");
}

#[test]
fn plan_and_merge_are_plain_functions() {
    let mut mistakes = Vec::new();
    for source in engine() {
        if !matches!(source.modules().first(), Some(&("plan" | "merge"))) {
            continue;
        }
        for (line, code) in source.lines() {
            let impure = [
                "async ",
                "await",
                "tokio",
                "Mutex",
                "Instant",
                "SystemTime",
                "Atomic",
            ];
            if impure.iter().any(|word| code.contains(word)) {
                mistakes.push(format!("{}:{line}: {}", source.path, code.trim()));
            }
        }
    }
    nothing(
        &mistakes,
        "`plan` and `merge` know no clock, lock or runtime",
    );
}

#[test]
fn nothing_is_unwrapped() {
    let mut mistakes = Vec::new();
    for source in everything() {
        for (line, code) in source.lines() {
            if code.contains(".unwrap()") || code.contains(".unwrap_err()") {
                mistakes.push(format!("{}:{line}: {}", source.path, code.trim()));
            }
        }
    }
    nothing(&mistakes, "`expect` states the invariant");
}

#[test]
fn hash_maps_are_named_where_a_reason_is_given_and_nowhere_else() {
    let mut mistakes = Vec::new();
    for source in engine() {
        let named = paths(&source, &["std"]).into_iter().find(|(_, path)| {
            path.contains(&"collections") && path.iter().any(|part| part.starts_with("Hash"))
        });
        let allowed = HASH_MAPS.contains(&source.path.as_str());
        let reasoned =
            source.text.contains("clippy::disallowed_types") && source.text.contains("reason = ");
        match named {
            Some((line, _)) if !allowed || !reasoned => {
                mistakes.push(format!("{}:{line}: a hash map", source.path));
            }
            None if allowed => mistakes.push(format!("{}: names none", source.path)),
            _ => {}
        }
    }
    nothing(&mistakes, "order is data");
}

#[test]
fn no_file_is_longer_than_is_read_in_one_go() {
    let all = everything().into_iter().chain(beside());
    let long = all.filter_map(|source| {
        let n = source.text.lines().count();
        (n > MOST_LINES_OF_A_FILE).then(|| format!("{}: {n} lines", source.path))
    });
    nothing(&long.collect::<Vec<_>>(), "a file has at most 600 lines");
}

/// What guards more than a moment is a permit, or a task that does one thing after
/// another. The locks of std and `parking_lot` are a lint's.
#[test]
fn no_lock_is_made_to_be_held_over_an_await() {
    let mut mistakes = Vec::new();
    for source in everything() {
        for (line, path) in paths(&source, &["tokio"]) {
            if let ["tokio", "sync", lock @ ("Mutex" | "RwLock"), ..] = &path[..] {
                mistakes.push(format!("{}:{line}: `{lock}` of tokio", source.path));
            }
        }
    }
    nothing(&mistakes, "no lock is held over an await");
}

/// What several examples need, or nobody has to read, is in `examples/support`.
#[test]
fn an_example_is_short() {
    let examples = sources(&["examples"]).into_iter();
    let examples = examples.filter(|source| source.path.matches('/').count() == 1);
    let long = examples.filter_map(|source| {
        let n = source.text.lines().count();
        (n > MOST_LINES_OF_AN_EXAMPLE).then(|| format!("{}: {n} lines", source.path))
    });
    nothing(
        &long.collect::<Vec<_>>(),
        "an example has at most 150 lines",
    );
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut mistakes = Vec::new();
    for source in everything() {
        for (line, name, n) in functions(&source.code) {
            if n > MOST_LINES_OF_A_FUNCTION {
                mistakes.push(format!("{}:{line}: `{name}` has {n} lines", source.path));
            }
        }
    }
    nothing(&mistakes, "a function has at most 70 lines");
}

#[test]
fn breaches_are_found_in_lists_and_behind_super() {
    let bad = "use crate::{id::NodeName, run::{Run, RunError}};\nuse super::super::graph::Place;\n";
    let found = breaches(&source("graph-core/src/plan/choose.rs", bad));
    assert_eq!(
        found,
        [
            "graph-core/src/plan/choose.rs:1: `plan` names `run`",
            "graph-core/src/plan/choose.rs:1: `plan` names `run`",
            "graph-core/src/plan/choose.rs:2: `plan` names `graph`",
        ]
    );
    let good = "use super::Task;\nfn f() -> crate::node::Ctx { todo() }\n";
    assert!(breaches(&source("graph-core/src/plan/choose.rs", good)).is_empty());
    let root = "use crate::StateGraph;\n";
    assert_eq!(breaches(&source("graph-core/src/merge.rs", root)).len(), 1);
    assert_eq!(breaches(&source("graph-core/src/new.rs", "")).len(), 1);
}
