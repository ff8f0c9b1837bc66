//! Templates with conditions, loops and filters, by way of minijinja.

use std::fmt;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::fill::{Given, PromptError};
use super::mistake::Unreadable;
use super::template::{Kind, Template};

/// What a template is called in its environment.
const NAME: &str = "prompt";

/// How many instructions a template may take, so that a loop in one ends.
const FUEL: u64 = 1_000_000;

/// A text in the language of Jinja: conditions, loops and filters beside holes,
/// which are written `{{ name }}`. Like any [`Template`] it is part of a message.
///
/// Each name that it mentions has to be given, if only as null, and nothing is
/// escaped.
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
pub fn template_rich(source: impl Into<String>) -> Template {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    let added = environment.add_template_owned(NAME, source.into());
    let mistake = added.err().map(|error| Unreadable {
        why: words(&error),
        help: "write it in the language of Jinja",
    });
    Template(Kind::Rich(Rich {
        environment: Arc::new(environment),
        mistake,
    }))
}

/// A template in its environment.
#[derive(Clone)]
pub(super) struct Rich {
    environment: Arc<Environment<'static>>,
    mistake: Option<Unreadable>,
}

impl Rich {
    pub(super) fn needs(&self) -> Vec<(String, String)> {
        let Ok(template) = self.environment.get_template(NAME) else {
            return Vec::new();
        };
        let is_global = |name: &str| self.environment.globals().any(|(global, _)| global == name);
        let names = template.undeclared_variables(false).into_iter();
        let names = names.filter(|name| !is_global(name));
        let mut needs: Vec<_> = names.map(|name| (name, String::new())).collect();
        needs.sort();
        needs
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
fn words(error: &minijinja::Error) -> String {
    match error.line() {
        Some(line) => format!("{} in line {line}", short(error)),
        None => short(error),
    }
}

fn short(error: &minijinja::Error) -> String {
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
