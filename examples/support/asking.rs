//! A language model as the analyst of a text.

use schemars::JsonSchema;
use serde::Deserialize;
use superstep::{Extract, Model, ModelRequest};

use super::analysts::{Analyst, Pending, Reading, beginning};

/// What was found in the text, each in one line, in the text's language.
#[derive(Deserialize, JsonSchema)]
struct Findings {
    lines: Vec<String>,
}

impl Analyst for Model {
    fn summary<'a>(&'a self, text: &'a str) -> Pending<'a> {
        asked(
            self,
            "Copy the 4 most telling sentences of the text, in its order.",
            text,
        )
    }

    fn questions<'a>(&'a self, text: &'a str) -> Pending<'a> {
        asked(self, "Ask 5 questions that the text answers.", text)
    }

    fn terms<'a>(&'a self, text: &'a str) -> Pending<'a> {
        asked(
            self,
            "Name the 8 key terms of the text, the best first.",
            text,
        )
    }

    fn counts(&self) -> &'static str {
        "Tokens used"
    }
}

fn asked<'a>(model: &'a Model, task: &'a str, text: &'a str) -> Pending<'a> {
    Box::pin(async move {
        let request = ModelRequest::from(beginning(text)).system(task);
        let found = model
            .extract_full::<Findings>(request, Extract::new())
            .await?;
        let lines = found.value.lines.iter();
        let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(Reading {
            lines: lines.collect(),
            tokens: found.usage.total(),
        })
    })
}
