//! Reads sources: their code without comments, literals and tests, the paths
//! they name, and their functions.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
pub(crate) struct Source {
    /// From the workspace's root, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same, line for line, with comments and literals blanked out and
    /// test modules left out.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    /// The names of the modules it stands in: `["compile", "draw", "svg"]`.
    pub(crate) fn modules(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("graph-core/src/");
        let inside = inside.and_then(|path| path.strip_suffix(".rs"));
        let mut modules: Vec<&str> = inside.unwrap_or_default().split('/').collect();
        if matches!(modules.last(), Some(&("mod" | "lib"))) {
            modules.pop();
        }
        modules
    }
}

pub(crate) fn sources(of: &[&str]) -> Vec<Source> {
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

pub(crate) fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
        code: without_tests(&blanked(text)),
    }
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
pub(crate) fn paths<'s>(source: &'s Source, first: &[&str]) -> Vec<(usize, Vec<&'s str>)> {
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
pub(crate) fn resolved<'s>(source: &'s Source, path: &[&'s str]) -> Vec<&'s str> {
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

/// Each function of a file: its line, its name, and how many lines it has.
pub(crate) fn functions(code: &str) -> Vec<(usize, &str, usize)> {
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
fn functions_are_measured_from_their_names_to_their_last_braces() {
    let code = "fn a() {\n  if x {\n  }\n}\nimpl T {\n  fn b(&self) -> u8 { 1 }\n  fn c();\n}\n";
    assert_eq!(functions(code), [(1, "a", 4), (6, "b", 1)]);
}
