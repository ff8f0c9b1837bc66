//! Who writes and paints: a model, or what stands for one offline, and what stands
//! for a generator of pictures.

use std::time::Duration;

use superstep::{
    FnModel, Message, Model, ModelError, ModelErrorKind, ModelRequest, ModelResponse, NodeResult,
    Role,
};

use super::brief::Brief;

/// Who writes and who paints.
#[derive(Debug)]
pub(crate) struct Studio {
    pub(crate) model: Model,
}

impl Studio {
    /// Writes a part of a mail; if there is a draft of which something is wrong,
    /// anew.
    pub(crate) async fn write(
        &self,
        part: &str,
        brief: &Brief,
        wrong: Option<(&String, &String)>,
    ) -> NodeResult<String> {
        let mut request = ModelRequest::from(serde_json::to_string(brief)?).system(format!(
            "Write the `{part}` of a mail that advertises what the brief is about. Answer with \
             the text of that part alone."
        ));
        if let Some((draft, wrong)) = wrong {
            request = request
                .message(Message::assistant(draft))
                .message(format!("That does not do: {wrong}. Write it anew."));
        }
        Ok(self.model.ask(request).await?)
    }

    /// A picture, which is simulated, as is its moderation: a drawing in colours that
    /// follow from the prompt.
    ///
    /// # Errors
    ///
    /// [`ModelErrorKind::ContentFilter`] for what is not to be shown.
    pub(crate) async fn paint(&self, prompt: &str) -> Result<String, ModelError> {
        const FORBIDDEN: [&str; 4] = ["blood", "drug", "knife", "weapon"];
        tokio::time::sleep(Duration::from_millis(30)).await;
        let words = prompt.to_lowercase();
        if let Some(word) = FORBIDDEN.into_iter().find(|word| words.contains(word)) {
            let error = ModelError::new(ModelErrorKind::ContentFilter).model("simulated painter");
            return Err(error.message(format!("a {word} is not to be shown")));
        }
        let hue = prompt
            .bytes()
            .fold(0_u32, |hue, byte| (hue * 31 + u32::from(byte)) % 360);
        Ok(format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><title>{prompt}</title>\
             <rect width='9' height='9' fill='hsl({hue} 40% 30%)'/>\
             <circle cx='4.5' cy='4.5' r='3' fill='hsl({hue} 90% 70%)'/></svg>"
        ))
    }
}

/// A model that fills in what the brief says. Like others it exaggerates, until
/// it is told what is wrong with what it wrote.
pub(crate) fn writer() -> Model {
    Model::new(FnModel::new(async |request| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let text = write(&request.messages);
        let refused = || ModelError::new(ModelErrorKind::Refused);
        text.map(ModelResponse::text).ok_or_else(refused)
    }))
}

/// The conversation: which part, the brief, and perhaps a draft and what is wrong
/// with it.
fn write(messages: &[Message]) -> Option<String> {
    let said = |role| messages.iter().filter(move |message| message.role == role);
    let part = said(Role::System).next()?.text();
    let mut user = said(Role::User).map(Message::text);
    let brief: Brief = serde_json::from_str(&user.next()?).ok()?;
    let wrong = user.next_back();
    let part = part.split('`').nth(1)?;
    Some(match part {
        "subject" => subject(&brief, wrong.as_deref()),
        "body" => body(&brief, wrong.as_deref()),
        "action" => format!("Order until {} for {}.", brief.until, brief.price),
        "scene" => format!(
            "{} on a table, {}",
            brief.product,
            brief.strengths.join(", ")
        ),
        "caption" => format!("{} in use", brief.product),
        _ => return None,
    })
}

/// The longest that has at most as many letters as it is told.
fn subject(brief: &Brief, wrong: Option<&str>) -> String {
    let Brief {
        product,
        audience,
        strengths,
        ..
    } = brief;
    let most = wrong.and_then(|wrong| {
        wrong
            .rsplit(|c: char| !c.is_ascii_digit())
            .find_map(|n| n.parse().ok())
    });
    let most = most.unwrap_or(usize::MAX);
    let first = strengths.first().map_or("", String::as_str);
    let drafts = [
        format!("{product}: {} for {audience}", strengths.join(", ")),
        format!("{product}: {first} for {audience}"),
        format!("{product}: {first}"),
        product.clone(),
    ];
    let mut fit = drafts.iter().filter(|draft| draft.chars().count() <= most);
    fit.next().unwrap_or(&drafts[3]).clone()
}

/// Rounds the price, unless it is told not to.
fn body(brief: &Brief, wrong: Option<&str>) -> String {
    let Brief {
        product,
        price,
        audience,
        strengths,
        ..
    } = brief;
    let price = match (wrong, price.split_once(' ')) {
        (None, Some((amount, currency))) => match amount.parse::<f64>() {
            Ok(amount) => format!("about {:.0} {currency}", (amount / 10.0).ceil() * 10.0),
            Err(_) => price.clone(),
        },
        _ => price.clone(),
    };
    let with = match strengths.is_empty() {
        true => String::new(),
        false => format!(", with {}", strengths.join(", ")),
    };
    format!("For {audience}: {product}{with}. It costs {price}.")
}
