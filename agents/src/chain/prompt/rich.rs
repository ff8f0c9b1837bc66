//! Templates with conditions, loops and filters, by way of minijinja.

use std::fmt;
use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};

use super::fill::{Given, PromptError};
use super::mistake::Unreadable;
use super::template::{Kind, Template};

/// What a template is called in its environment.
const NAME: &str = "prompt";

/// How many instructions a template may take, so that a loop in one ends.
const FUEL: u64 = 1_000_000;

/// How many it may take when it is tried.
const TRIAL_FUEL: u64 = 10_000;

/// A text in the language of Jinja: conditions, loops and filters beside holes,
/// which are written `{{ name }}`. Like any [`Template`] it is part of a message.
///
/// Each name that it mentions has to be given: what may be missing as null, which
/// `{% if name %}` asks for. What `{{ }}` writes is written as in the holes of a
/// plain prompt: text as it is, null as nothing, everything else as JSON. Nothing is
/// escaped, but that the filter `tojson` writes `<`, `>`, `&` and `'` as JSON can
/// have them in HTML.
///
/// Filters and tests are those of minijinja. One that there is not is a mistake that
/// [`check`](crate::Chain::check) tells, as far as the template comes to it when it
/// is tried without values, and with a list of one text for each; elsewhere, such as
/// behind a comparison that is not true then, the prompt fails when it is filled.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{prompt, system, template_rich, user};
///
/// let chat = prompt([
///     system(template_rich("{% for fact in facts %}{{ loop.index }}. {{ fact }}\n{% endfor %}")),
///     user("{question}"),
/// ]);
/// let messages = chat.format(&json!({ "facts": ["a", "{{ b }}"], "question": "?" }))?;
/// assert_eq!(messages[0].text(), "1. a\n2. {{ b }}\n");
/// # Ok::<(), superstep::PromptError>(())
/// ```
///
/// A list of a value that may be missing, and JSON:
///
/// ```
/// # use serde_json::json;
/// # use superstep::{prompt, template_rich};
/// let about = prompt(template_rich("{{ facts }}{% if name %} for {{ name }}{% endif %}"));
/// let messages = about.format(&json!({ "facts": ["a", true], "name": null }))?;
/// assert_eq!(messages[0].text(), r#"["a",true]"#);
///
/// let error = prompt(template_rich("{{ name | uper }}")).format(&"Ann").unwrap_err();
/// assert!(error.to_string().contains("filter uper is unknown in line 1"));
/// # Ok::<(), superstep::PromptError>(())
/// ```
pub fn template_rich(source: impl Into<String>) -> Template {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write);
    let mistake = match environment.add_template_owned(NAME, source.into()) {
        Ok(()) => unknown(&mut environment),
        Err(error) => Some(Unreadable {
            why: words(&error),
            help: "write it in the language of Jinja",
        }),
    };
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    Template(Kind::Rich(Rich {
        environment: Arc::new(environment),
        mistake,
    }))
}

/// As the holes of plain templates are filled.
fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let value = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(crate::template::write(out, &value)?)
}

/// A filter, a test or a function that there is not. They are looked for by name only
/// when the template comes to them, so it is tried: without values, and with a list
/// for each, so that loops and conditions are entered. Whatever else fails then would
/// not with other values.
fn unknown(environment: &mut Environment<'_>) -> Option<Unreadable> {
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(TRIAL_FUEL));
    let template = environment.get_template(NAME).ok()?;
    let names = names(environment).into_iter();
    let lists = Value::from_pairs(names.map(|name| (name, vec![""])));
    let errors = [Value::from(()), lists].into_iter();
    let mut errors = errors.filter_map(|values| template.render(values).err());
    let error = errors.find(|error| {
        use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
        let is_unknown = matches!(error.kind(), UnknownFilter | UnknownFunction | UnknownTest);
        // Without a detail the name was a value.
        is_unknown && error.detail().is_some()
    })?;
    Some(Unreadable {
        why: words(&error),
        help: "use one that minijinja has",
    })
}

/// The names that are not the template's own.
fn names(environment: &Environment<'_>) -> Vec<String> {
    let Ok(template) = environment.get_template(NAME) else {
        return Vec::new();
    };
    let is_global = |name: &str| environment.globals().any(|(global, _)| global == name);
    let names = template.undeclared_variables(false).into_iter();
    let mut names: Vec<_> = names.filter(|name| !is_global(name)).collect();
    names.sort();
    names
}

/// A template in its environment.
#[derive(Clone)]
pub(super) struct Rich {
    environment: Arc<Environment<'static>>,
    mistake: Option<Unreadable>,
}

impl Rich {
    pub(super) fn needs(&self) -> Vec<(String, String)> {
        let names = names(&self.environment).into_iter();
        names.map(|name| (name, String::new())).collect()
    }

    pub(super) fn mistakes(&self) -> Vec<Unreadable> {
        self.mistake.iter().cloned().collect()
    }

    pub(super) fn fill(&self, given: &Given<'_>) -> Result<String, PromptError> {
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| {
            let values = minijinja::value::Serde(given.all());
            template.render(values)
        });
        rendered.map_err(|error| PromptError::new(words(&error)))
    }
}

/// The error and where it is.
fn words(error: &Error) -> String {
    match error.line() {
        Some(line) => format!("{} in line {line}", short(error)),
        None => short(error),
    }
}

fn short(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

impl fmt::Debug for Rich {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rich").finish_non_exhaustive()
    }
}
