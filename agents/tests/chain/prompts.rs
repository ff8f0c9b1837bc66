//! Prompts: what fills holes, and what does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use superstep::{
    Chain, IntoChain, IntoMessages, Message, Prompt, Role, parallel, passthrough, placeholder,
    prompt, step, user,
};

fn text(messages: impl IntoMessages, input: &Value) -> String {
    let prompt: Prompt<Value> = prompt(messages);
    let messages = prompt.format(input).expect("nothing is missing");
    messages
        .iter()
        .map(Message::text)
        .collect::<Vec<_>>()
        .join("|")
}

fn error(messages: impl IntoMessages, input: &Value) -> String {
    let prompt: Prompt<Value> = prompt(messages);
    prompt
        .format(input)
        .expect_err("something is wrong")
        .to_string()
}

#[test]
fn text_fills_a_hole_as_it_is_and_all_else_as_json() {
    let input = json!({ "a": "x \"y\"", "b": [1, "z"], "c": null, "d": { "e": 0.5 } });
    assert_eq!(
        text("{a}, {b}, {c}, {d}", &input),
        r#"x "y", [1,"z"], , {"e":0.5}"#
    );
    assert_eq!(text("{a}{a}", &json!("lone")), "lonelone");
    assert_eq!(text("no hole", &json!("lone")), "no hole");
    assert_eq!(
        text("{{a}} }}{{ {a}", &json!({ "a": "{b} {{c}}" })),
        "{a} }{ {b} {{c}}"
    );
}

#[test]
fn braces_around_what_is_no_name_stay_as_they_are() {
    for (template, expected) in [
        (
            r#"{"a": {"b": {}}, "c": "{x}"}"#,
            r#"{"a": {"b": {}}, "c": "tea"}"#,
        ),
        (r#"{{"a": {{"b": "{x}"}}}}"#, r#"{"a": {"b": "tea"}}"#),
        ("} {x.y} {", "} {x.y} {"),
        ("${x} \\{x} { x }", "${x} \\{x} tea"),
    ] {
        assert_eq!(
            text(template, &json!({ "x": "tea" })),
            expected,
            "{template}"
        );
    }
}

#[test]
fn what_may_be_missing_is_then_nothing() {
    assert_eq!(text("<{a?}>", &json!({})), "<>");
    assert_eq!(text("<{a?}>", &json!({ "a": 1 })), "<1>");
    assert_eq!(text("<{a?}>", &json!("lone")), "<lone>");
    let ask: Prompt<Value> = prompt("{a?} {b}").partial("a", 1);
    assert_eq!(ask.names(), ["b"]);
    assert_eq!(
        ask.format(&json!("lone")).expect("one hole")[0].text(),
        "1 lone"
    );
}

#[test]
fn records_and_maps_fill_by_name_and_one_hole_takes_a_bare_value() {
    #[derive(Serialize)]
    struct Trip {
        from: &'static str,
        to: &'static str,
    }
    let trip = Trip {
        from: "Oslo",
        to: "Rome",
    };
    let messages = prompt("{to}, not {from}")
        .format(&trip)
        .expect("nothing is missing");
    assert_eq!(messages[0].text(), "Rome, not Oslo");
    assert_eq!(prompt("{n}").format(&17).expect("one hole")[0].text(), "17");
}

#[test]
fn all_that_is_missing_is_told_in_order_and_where() {
    assert_eq!(
        error(
            [user("{b}\n {a}"), placeholder("history")],
            &json!({ "histori": [] })
        ),
        "no value for `a` (message 1, line 2, column 2), `b` (message 1, line 1, column 1), \
         `history` (message 2): there is `histori`; did you mean `histori` for `history`?"
    );
    assert_eq!(
        error("{a} {b}", &json!(1)),
        "a value without a name fills one hole, but there are 2: \
         `a` (message 1, line 1, column 1), `b` (message 1, line 1, column 5)"
    );
}

#[test]
fn what_is_known_before_is_given_up_for_what_goes_in() {
    let count = AtomicU32::new(0);
    let ask = prompt("{greeting} {name}, {n}")
        .partial("greeting", "Hello")
        .partial_with("n", move || count.fetch_add(1, Ordering::Relaxed));
    assert_eq!(ask.names(), ["name"]);
    let said = |input: Value| ask.format(&input).expect("nothing is missing")[0].text();
    assert_eq!(said(json!("Ann")), "Hello Ann, 0");
    assert_eq!(
        said(json!({ "name": "Ann", "greeting": "Hi" })),
        "Hi Ann, 1"
    );
    let wrong: Prompt<Value> = prompt("{name}").partial("nam", 1);
    assert_eq!(
        wrong.format(&json!("x")).unwrap_err().to_string(),
        "no hole is called `nam`: there is `name`"
    );
}

#[test]
fn placeholders_take_messages_as_they_are() {
    let history = json!([Message::user("{a}"), Message::assistant("b")]);
    let chat = || [placeholder("history"), user("{text}")];
    assert_eq!(
        text(chat(), &json!({ "history": history, "text": "c" })),
        "{a}|b|c"
    );
    let why = error(chat(), &json!({ "history": "hi", "text": "c" }));
    assert!(
        why.starts_with("`history` is no list of messages: "),
        "{why}"
    );
    let last = [placeholder("history").last(1), user("{text}")];
    assert_eq!(
        text(last, &json!({ "history": history, "text": "c" })),
        "b|c"
    );
    let optional = || [placeholder("history").optional(), user("{text}")];
    assert_eq!(text(optional(), &json!({ "text": "c" })), "c");
    let null = json!({ "history": null, "text": "c" });
    assert_eq!(text(optional(), &null), "c");
    assert!(error(chat(), &null).starts_with("`history` is no list of messages: "));
    let literal = [Message::new(Role::User).image_url("https://x.org/{a}")];
    assert_eq!(text(literal, &json!({})), "");
}

/// Which needs serde's `rc`, that other features switch on as well: without them it is
/// this crate that does.
#[tokio::test]
async fn what_is_shared_fills_holes() {
    let length = step(|text: Arc<String>| async move { Ok(text.len()) });
    let chain = parallel! { length: length, text: passthrough() } | prompt("{text}: {length}");
    let messages = chain.invoke(Arc::new("abc".to_owned())).await;
    assert_eq!(messages.expect("all is there")[0].text(), "abc: 3");
    let alone: Chain<Arc<String>, Vec<Message>> = prompt("{text}").into_chain();
    assert!(alone.check().is_ok());
}

#[test]
fn pictures_have_holes_in_their_addresses() {
    let look = prompt([user("What is {what}?")
        .image_url("data:{image}")
        .named("ann")]);
    let messages = look
        .format(&json!({ "what": "this", "image": "x" }))
        .expect("all is there");
    let expected = Message::user("What is this?")
        .image_url("data:x")
        .named("ann");
    assert_eq!(messages, [expected]);
}

#[cfg(feature = "templates")]
#[test]
fn rich_templates_are_strict_and_bounded() {
    use superstep::{system, template_rich};

    let facts = || {
        system(template_rich(
            "{% for f in facts %}- {{ f | upper }}\n{% endfor %}",
        ))
    };
    assert_eq!(
        text([facts()], &json!({ "facts": ["a<", "{{ b }}"] })),
        "- A<\n- {{ B }}\n"
    );
    assert_eq!(
        error([facts()], &json!({ "fact": [] })),
        "no value for `facts` (message 1): there is `fact`; did you mean `fact` for `facts`?"
    );
    let deep = || system(template_rich("{{ a.b.c }}"));
    assert!(error([deep()], &json!({ "a": {} })).contains("undefined"));
    let broken = system(template_rich("{% if %}"));
    assert!(error([broken], &json!({})).starts_with("message 1: syntax error"));
    let endless =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    assert!(error([system(template_rich(endless))], &json!({})).contains("fuel"));
}

#[cfg(feature = "templates")]
#[test]
fn rich_templates_write_what_plain_ones_write() {
    use superstep::{system, template_rich};

    let values = json!({
        "list": ["a", null, 1.0], "null": null, "yes": true, "map": { "k": "<v>" }, "text": "\"",
    });
    let rich = template_rich("{{ list }} {{ null }} {{ yes }} {{ map }} {{ text }} {{ map.k }}");
    let plain = "{list} {null} {yes} {map} {text} <v>";
    assert_eq!(text([system(rich)], &values), text(plain, &values));
    let json = template_rich("{{ text | tojson }} {{ list | map('upper') }}");
    assert_eq!(
        text([system(json)], &json!({ "text": "\"", "list": ["a"] })),
        r#""\"" ["A"]"#
    );
}

#[cfg(feature = "templates")]
#[test]
fn what_rich_templates_name_in_vain_is_told_before_they_are_filled() {
    use superstep::template_rich;

    let told = |template: &str| {
        let prompt = prompt(template_rich(template));
        let chain: Chain<Value, _> = prompt.into_chain();
        let error = chain.check().err()?;
        Some(error.diagnostics()[0].message().to_owned())
    };
    for (template, unknown) in [
        ("{{ x | uper }}", "filter uper is unknown in line 1"),
        (
            "{% for f in x %}\n{{ f.name | uper }}{% endfor %}",
            "filter uper is unknown in line 2",
        ),
        (
            "{% if x is nonsense %}{% endif %}",
            "test nonsense is unknown in line 1",
        ),
        ("{{ now() }}", "now is unknown in line 1"),
    ] {
        let told = told(template).expect(template);
        assert!(told.contains(unknown), "{told}");
    }
    // What only other values can have or do is no mistake of the template.
    for template in [
        "{{ x.y.z + 1 }}",
        "{{ x.items() }}",
        "{{ [x] | map(x) }}",
        "{{ x | int }}",
    ] {
        assert_eq!(told(template), None);
    }
}

proptest! {
    /// Whatever a value holds, it stands in the text once and untouched.
    #[test]
    fn nothing_is_expanded_twice(value in ".*", before in "[a-z ]*", after in "[a-z ]*") {
        let filled = text(format!("{before}{{x}}{after}"), &json!({ "x": value }));
        prop_assert_eq!(filled, format!("{before}{value}{after}"));
    }

    /// Escaped, a text is itself; else it is read all the same.
    #[test]
    fn every_text_can_be_escaped(source in "[{}a ]*") {
        let escaped = source.replace('{', "{{").replace('}', "}}");
        let _ = prompt::<Value>(&*source).format(&json!("x"));
        prop_assert_eq!(text(escaped, &json!({})), source);
    }
}
