//! Hash sets written as JSON, put in order: serde writes them in any.
//!
//! Looks at types as the source or the compiler spells them, so that one behind
//! an alias, or inside a struct, is not seen.

use serde_json::Value;

use super::FieldSchema;

/// Puts the hash sets of a state, or of an update of it, in order.
pub(crate) fn in_order(fields: &[FieldSchema], mut value: Value) -> Value {
    let Value::Object(object) = &mut value else {
        return value;
    };
    for field in fields
        .iter()
        .filter(|field| field.type_name.contains("Hash"))
    {
        for key in [field.name.to_owned(), format!("overwrite_{}", field.name)] {
            if let Some(value) = object.get_mut(&key) {
                order(field.type_name, value);
            }
        }
        if let Some(Value::Array(writes)) = object.get_mut(&format!("each_{}", field.name)) {
            writes
                .iter_mut()
                .for_each(|write| order(field.type_name, write));
        }
    }
    value
}

/// Puts the hash sets of a value in order; the type is spelt as by
/// [`std::any::type_name`].
pub(crate) fn in_order_of(type_name: &str, mut value: Value) -> Value {
    if type_name.contains("Hash") {
        order(type_name, &mut value);
    }
    value
}

/// Puts a value of the type in order, and what is inside it first.
fn order(type_name: &str, value: &mut Value) {
    if let Some(types) = within(type_name, '(', ')') {
        if let Value::Array(items) = value {
            for (number, item) in items.iter_mut().enumerate() {
                order(argument(types, number), item);
            }
        }
        return;
    }
    if let Some(array) = within(type_name, '[', ']') {
        let of = array.rsplit_once(';').map_or(array, |(of, _)| of);
        if let Value::Array(items) = value {
            items.iter_mut().for_each(|item| order(of, item));
        }
        return;
    }
    let Some((outer, arguments)) = type_name.split_once('<') else {
        return;
    };
    let arguments = arguments.strip_suffix('>').unwrap_or(arguments);
    let outer = outer.rsplit("::").next().unwrap_or(outer);
    match (outer, value) {
        ("HashMap" | "BTreeMap", Value::Object(entries)) => {
            let of = argument(arguments, 1);
            entries.values_mut().for_each(|value| order(of, value));
            entries.sort_keys();
        }
        ("HashSet", Value::Array(items)) => {
            let of = argument(arguments, 0);
            items.iter_mut().for_each(|item| order(of, item));
            items.sort_by_cached_key(ToString::to_string);
        }
        ("Vec" | "VecDeque" | "BTreeSet", Value::Array(items)) => {
            let of = argument(arguments, 0);
            items.iter_mut().for_each(|item| order(of, item));
        }
        ("Option" | "Box" | "Arc", value) => order(argument(arguments, 0), value),
        _ => {}
    }
}

/// What stands between the brackets, if the type begins and ends with them.
fn within(type_name: &str, open: char, close: char) -> Option<&str> {
    type_name.strip_prefix(open)?.strip_suffix(close)
}

/// The type argument of that number, from 0.
fn argument(arguments: &str, number: usize) -> &str {
    let mut depth = 0_usize;
    let separator = |letter: char| {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    };
    let mut arguments = arguments.split(separator);
    arguments.nth(number).unwrap_or_default().trim()
}
