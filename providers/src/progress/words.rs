//! How times and texts are put on a line.

use std::time::Duration;

use console::measure_text_width;

/// A time, as exact as one reads it: `350 ms`, `1.2 s`, `3 min 05 s`.
pub(super) fn time(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A text on one line, without what a terminal would act on.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // A line that ends and one that is indented are one gap.
            c if c.is_control() && clean.ends_with(' ') => {}
            c if c.is_control() => clean.push(' '),
            // These turn the direction of what follows.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c => clean.push(c),
        }
    }
    clean
}

/// The end of a text that fits into so many columns, with `…` before it if that
/// is not all.
pub(super) fn tail(text: &str, columns: usize) -> String {
    if measure_text_width(text) <= columns {
        return text.to_owned();
    }
    let mut width = 1;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        width += measure_text_width(c.encode_utf8(&mut [0; 4]));
        if width > columns {
            break;
        }
        from = at;
    }
    format!("…{}", &text[from..])
}
