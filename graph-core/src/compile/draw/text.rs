//! Text in an SVG: how wide it is about to be, cutting it to fit, escaping it.

use std::fmt::Write as _;

/// The width of a text in a proportional font of this size, on the wide side.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The width of a character in units of the font size.
fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.33,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '/' | '\\' | '-' | '"' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' => 0.71,
        ' '..='~' => 0.6,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0.0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' => 1.05,
        '\u{ff00}'..='\u{ff60}' | '\u{1f000}'.. => 1.25,
        '\u{2000}'..='\u{2bff}' => 0.95,
        _ => 0.66,
    }
}

/// The text on one line, cut with an ellipsis where it is wider than it may be.
pub(crate) fn fit(text: &str, size: f64, most: f64) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = flat.join(" ");
    if width(&flat, size) <= most {
        return flat;
    }
    let mut room = most - width("…", size);
    let mut out = String::new();
    for character in flat.chars() {
        room -= advance(character) * size;
        if room < 0.0 {
            break;
        }
        out.push(character);
    }
    out.truncate(out.trim_end_matches(['\u{200d}', ' ']).len());
    out.push('…');
    out
}

/// The text as XML takes it in content and in attributes; what XML cannot hold becomes U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

/// A coordinate with one decimal; zero has no sign, so that equal pictures are equal bytes.
pub(crate) fn number(value: f64) -> String {
    let mut out = String::new();
    let _ = write!(out, "{value:.1}");
    if out == "-0.0" { "0.0".to_owned() } else { out }
}
