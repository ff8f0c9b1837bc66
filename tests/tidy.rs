//! Reads the sources, and fails where they break a rule of the house that no
//! lint knows: which module may name which, who may name petgraph and tokio's
//! clock, how long things get.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the engine, and what each may name beside itself.
const MODULES: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("state", &["id"]),
    ("node", &["id", "state"]),
    ("graph", &["id", "state", "node"]),
    ("compile", &["id", "state", "node", "graph"]),
    ("checkpoint", &["id", "state"]),
    ("plan", &["id", "state", "node", "compile", "checkpoint"]),
    ("merge", &["id", "state", "compile", "checkpoint"]),
    ("event", &["id", "state", "checkpoint"]),
    (
        "run",
        &[
            "id",
            "state",
            "node",
            "graph",
            "compile",
            "checkpoint",
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
            "node",
            "graph",
            "compile",
            "checkpoint",
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
            "node",
            "graph",
            "compile",
            "checkpoint",
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
            "node",
            "graph",
            "compile",
            "checkpoint",
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

/// The files that may name std's hash maps, each with a reasoned `expect`.
const HASH_MAPS: &[&str] = &[
    "graph-core/src/state/into_update.rs",
    "graph-core/src/state/reducer.rs",
];

/// A source file.
struct Source {
    /// From the workspace's root, with `/`.
    path: String,
    /// As it is.
    text: String,
    /// The same, line for line, with comments and literals blanked out and
    /// test modules left out.
    code: String,
}

impl Source {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// The names of the modules it stands in: `["compile", "draw", "svg"]`.
    fn modules(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("graph-core/src/");
        let inside = inside.and_then(|path| path.strip_suffix(".rs"));
        let mut modules: Vec<&str> = inside.unwrap_or_default().split('/').collect();
        if matches!(modules.last(), Some(&("mod" | "lib"))) {
            modules.pop();
        }
        modules
    }
}

fn sources(of: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in of {
        collect(&root.join(directory), &mut files);
    }
    files.sort();
    let sources: Vec<Source> = files.iter().map(|file| read(root, file)).collect();
    assert!(sources.len() > 2, "there are sources in {of:?}");
    sources
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn read(root: &Path, file: &Path) -> Source {
    let text = fs::read_to_string(file).expect("it can be read");
    let path = file.strip_prefix(root).expect("it is in the workspace");
    Source {
        path: path.to_string_lossy().replace('\\', "/"),
        code: without_tests(&blanked(&text)),
        text,
    }
}

fn engine() -> Vec<Source> {
    sources(&["graph-core/src"])
}

fn everything() -> Vec<Source> {
    sources(&["graph-core/src", "src", "graph-macros/src"])
}

/// Blanks out comments, and what stands in literals, line for line.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => 1 + string(&rest[1..]),
            'r' | 'b' | 'c' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                prefixed(rest)
            }
            '\'' => quoted(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let blank = rest[..length].chars();
        out.extend(blank.map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

/// The length of a block comment, those inside it included.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of what follows a quote, up to its end.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal such as `r#"…"#` or `b"…"`; 0 if it is none.
fn prefixed(text: &str) -> usize {
    let letters = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    let hashes = text[letters..].len() - text[letters..].trim_start_matches('#').len();
    let begin = letters + hashes + 1;
    if letters > 2 || !text[letters + hashes..].starts_with('"') {
        return 0;
    }
    if !text[..letters].contains('r') {
        return begin + string(&text[begin..]);
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let found = text[begin..].find(&end);
    found.map_or(text.len(), |at| begin + at + end.len())
}

/// The length of a letter in quotes; 0 if it is a lifetime.
fn quoted(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => text[2..].find('\'').map_or(0, |at| {
            // `'\''` has a quote inside.
            if at == 0 { 4 } else { at + 3 }
        }),
        Some(_) => match letters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// Blanks out modules that are compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(begin) = out.find("#[cfg(test)]") {
        let Some(open) = out[begin..].find(['{', ';']) else {
            break;
        };
        let end = begin + open + block(&out[begin + open..]);
        let blank: String = out[begin..end]
            .chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(begin..end, &blank);
    }
    out
}

/// The length of what stands in braces, or of a semicolon.
fn block(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + letter.len_utf8();
        }
    }
    code.len()
}

/// The identifiers of a path that begins at `at`: `crate::node::Ctx`, with a
/// list of names in braces as several paths.
fn paths_from(code: &str) -> Vec<Vec<&str>> {
    let word = |text: &str| {
        text.len()
            - text
                .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                .len()
    };
    let first = &code[..word(code)];
    let Some(rest) = code[first.len()..].strip_prefix("::") else {
        return vec![vec![first]];
    };
    let Some(list) = rest.strip_prefix('{') else {
        let tails = paths_from(rest);
        return tails
            .into_iter()
            .map(|tail| [vec![first], tail].concat())
            .collect();
    };
    let mut paths = Vec::new();
    let mut depth = 0_usize;
    let mut begins = true;
    for (at, letter) in list.char_indices() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !letter.is_whitespace() => {
                begins = false;
                let tails = paths_from(&list[at..]);
                paths.extend(tails.into_iter().map(|tail| [vec![first], tail].concat()));
            }
            _ => {}
        }
    }
    paths
}

/// Every path of a file that begins with one of these words, with its line.
fn paths<'s>(source: &'s Source, first: &[&str]) -> Vec<(usize, Vec<&'s str>)> {
    let mut found = Vec::new();
    for word in first {
        for (at, _) in source.code.match_indices(&format!("{word}::")) {
            let before = source.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = source.code[..at].lines().count().max(1);
            let paths = paths_from(&source.code[at..]);
            found.extend(paths.into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// The path from the crate's root that `path` stands for in this file.
fn resolved<'s>(source: &'s Source, path: &[&'s str]) -> Vec<&'s str> {
    match path[0] {
        "crate" => path[1..].to_vec(),
        _ => {
            let up = path.iter().take_while(|part| **part == "super").count();
            let mut from = source.modules();
            from.truncate(from.len().saturating_sub(up));
            [from, path[up..].to_vec()].concat()
        }
    }
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
        if source.path.starts_with("graph-core/src/run/") {
            continue;
        }
        for (line, path) in paths(&source, &["tokio"]) {
            let part = path.get(1).copied().unwrap_or_default();
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
    let long = everything().into_iter().filter_map(|source| {
        let n = source.text.lines().count();
        (n > MOST_LINES_OF_A_FILE).then(|| format!("{}: {n} lines", source.path))
    });
    nothing(&long.collect::<Vec<_>>(), "a file has at most 600 lines");
}

/// Each function of a file: its line, its name, and how many lines it has.
fn functions(code: &str) -> Vec<(usize, &str, usize)> {
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + 3..];
        let name = &rest[..rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                .len()];
        let Some(open) = rest.find(['{', ';']) else {
            continue;
        };
        if name.is_empty() || rest[open..].starts_with(';') {
            continue;
        }
        let end = open + block(&rest[open..]);
        let line = 1 + code[..at].matches('\n').count();
        functions.push((line, name, 1 + rest[..end].matches('\n').count()));
    }
    functions
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

// The reader itself.

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
        code: without_tests(&blanked(text)),
    }
}

#[test]
fn what_stands_in_comments_literals_and_tests_is_not_read() {
    let text = r##"
//! crate::run
/* crate::run /* nested */ crate::run */
const A: &str = "crate::run \" crate::run";
const B: &str = r#"crate::run " crate::run"#;
const C: (char, char, char) = ('"', '\'', '\\');
fn lifetime<'a>(x: &'a str) -> &'a str { x }
#[cfg(test)]
mod tests { use crate::run::Run; fn f() { x.unwrap() } }
use crate::id::NodeName;
"##;
    let source = source("graph-core/src/plan/mod.rs", text);
    let found = paths(&source, &["crate"]);
    assert_eq!(found.len(), 1, "{}", source.code);
    assert_eq!(found[0].1, ["crate", "id", "NodeName"]);
    assert_eq!(source.code.lines().count(), text.lines().count());
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

#[test]
fn functions_are_measured_from_their_names_to_their_last_braces() {
    let code = "fn a() {\n  if x {\n  }\n}\nimpl T {\n  fn b(&self) -> u8 { 1 }\n  fn c();\n}\n";
    assert_eq!(functions(code), [(1, "a", 4), (6, "b", 1)]);
}
