//! The tools that a server has, as models are told of them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use superstep_providers::ToolSpec;

use super::McpError;

/// Which tools are wanted, and what they are called here.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    pub(super) prefix: String,
    pub(super) only: Option<Vec<String>>,
    pub(super) without: Vec<String>,
}

/// A tool of a server.
#[derive(Debug)]
pub(super) struct Listed {
    /// What the server calls it.
    pub(super) name: String,
    pub(super) spec: ToolSpec,
}

impl Choice {
    /// The tools that are wanted, of those that the server has told of.
    pub(super) fn of(&self, server: &str, told: &[Value]) -> Result<Vec<Listed>, McpError> {
        let mut mistakes = Vec::new();
        let mut listed: Vec<Listed> = Vec::new();
        let mut names = BTreeSet::new();
        for tool in told {
            let Some(name) = tool.get("name").and_then(Value::as_str) else {
                mistakes.push(format!("one has no name: `{tool}`"));
                continue;
            };
            let twice = !names.insert(name);
            if !self.wants(name) {
                continue;
            }
            if twice {
                mistakes.push(format!("two are called `{name}`"));
                continue;
            }
            match parameters(tool) {
                Ok(parameters) => listed.push(self.listed(name, tool, parameters)),
                Err(why) => mistakes.push(format!("of `{name}`, {why}")),
            }
        }
        let asked = self.only.iter().flatten().chain(&self.without);
        for name in asked.filter(|name| !names.contains(name.as_str())) {
            mistakes.push(missing(name, &names));
        }
        match mistakes.is_empty() {
            true => Ok(listed),
            false => Err(McpError::Tools {
                server: server.to_owned(),
                mistakes,
            }),
        }
    }

    fn wants(&self, name: &str) -> bool {
        let is = |other: &String| other == name;
        self.only.as_ref().is_none_or(|only| only.iter().any(is)) && !self.without.iter().any(is)
    }

    fn listed(&self, name: &str, tool: &Value, parameters: Value) -> Listed {
        let told = [tool.get("description"), tool.get("title")];
        let description = told.into_iter().flatten().find_map(Value::as_str);
        let spec = ToolSpec {
            name: format!("{}{}", self.prefix, usable(name)),
            description: description.unwrap_or_default().to_owned(),
            parameters,
        };
        Listed {
            name: name.to_owned(),
            spec,
        }
    }
}

/// A name as providers take them: MCP allows more letters.
fn usable(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let letters = name.chars().map(|c| if allowed(c) { c } else { '_' });
    letters.collect()
}

/// The schema of a tool's arguments, which is an object's.
fn parameters(tool: &Value) -> Result<Value, String> {
    let schema = match tool.get("inputSchema") {
        Some(Value::Object(schema)) => schema,
        Some(other) => return Err(format!("the schema is no object, but `{other}`")),
        None => return Err("there is no schema".to_owned()),
    };
    let mut schema = schema.clone();
    schema.remove("$schema");
    match schema.get("type") {
        None => schema.insert("type".to_owned(), "object".into()),
        Some(Value::String(kind)) if kind == "object" => None,
        Some(kind) => return Err(format!("the schema is not of an object, but of `{kind}`")),
    };
    match schema.get("properties") {
        None => schema.insert("properties".to_owned(), Map::new().into()),
        Some(Value::Object(_)) => None,
        Some(other) => return Err(format!("the schema's properties are `{other}`")),
    };
    Ok(Value::Object(schema))
}

fn missing(name: &str, names: &BTreeSet<&str>) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.is_empty() {
        true => format!("there is no `{name}`, nor any other"),
        false => format!("there is no `{name}`, but {}", quoted.join(", ")),
    }
}
