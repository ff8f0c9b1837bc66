//! Three models that need no network, each for one kind of input: words of a
//! list, the colours of a PNG, the loudness and pitch of a WAV.

use std::io::Cursor;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::{
    Capabilities, FnModel, MediaSource, Model, ModelError, ModelErrorKind, ModelResponse, Part,
};

/// How a part of a post feels.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Impression {
    /// From -1, gloomy, to 1, cheerful.
    pub(crate) mood: f64,
    /// What there is to read, to see or to hear, in a few words.
    pub(crate) about: String,
}

/// What a part comes to, or why it cannot be understood.
type Sensed = Result<Impression, &'static str>;

/// A model that reads.
pub(crate) fn reader() -> Model {
    sense("word list", Capabilities::text(), |part| match part {
        Part::Text { text } => Some(read(text)),
        _ => None,
    })
}

/// A model that sees.
pub(crate) fn viewer() -> Model {
    let mut sees = Capabilities::text();
    sees.images = true;
    sense("colour meter", sees, |part| match part {
        Part::Image(media) => Some(view(data(&media.source)?)),
        _ => None,
    })
}

/// A model that hears.
pub(crate) fn listener() -> Model {
    let mut hears = Capabilities::text();
    hears.audio = true;
    sense("pitch meter", hears, |part| match part {
        Part::Audio(media) => Some(listen(data(&media.source)?)),
        _ => None,
    })
}

/// A model that hears, and whose provider is down.
pub(crate) fn down() -> Model {
    let down = FnModel::new(async |_| {
        let overloaded = ModelErrorKind::Overloaded { retry_after: None };
        Err(ModelError::new(overloaded).status(503))
    });
    Model::new(down.named("pitch meter"))
}

/// A model that answers to the last part of a message that it has a sense for.
fn sense(name: &str, can: Capabilities, sensed: fn(&Part) -> Option<Sensed>) -> Model {
    let model = FnModel::new(move |request| async move {
        tokio::task::yield_now().await; // a real one is waited for
        let user = request
            .messages
            .iter()
            .rev()
            .flat_map(|message| message.parts.iter().rev());
        match user.filter_map(sensed).next() {
            Some(Ok(impression)) => Ok(ModelResponse::text(json!(impression).to_string())),
            Some(Err(why)) => Err(ModelError::new(ModelErrorKind::BadRequest).message(why)),
            None => Err(ModelErrorKind::Unsupported.into()),
        }
    });
    Model::new(model.named(name).capabilities(can))
}

fn data(source: &MediaSource) -> Option<&[u8]> {
    match source {
        MediaSource::Data(data) => Some(data),
        _ => None, // nothing here fetches anything
    }
}

fn read(text: &str) -> Sensed {
    const CHEERFUL: [&str; 8] = [
        "beautiful",
        "calm",
        "good",
        "great",
        "happy",
        "love",
        "lovely",
        "wonderful",
    ];
    const GLOOMY: [&str; 7] = ["alone", "angry", "bad", "cold", "sad", "tired", "terrible"];
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    let found = |list: &[&str]| -> Vec<String> {
        let found = words.iter().filter(|word| list.contains(&word.as_str()));
        found.cloned().collect()
    };
    let (cheerful, gloomy) = (found(&CHEERFUL), found(&GLOOMY));
    let (n, of) = (
        cheerful.len() as f64 - gloomy.len() as f64,
        cheerful.len() + gloomy.len(),
    );
    Ok(Impression {
        mood: n / (of.max(1) as f64),
        about: format!(
            "{} words, such as {}",
            words.len(),
            [cheerful, gloomy].concat().join(", ")
        ),
    })
}

/// Warm and light is cheerful.
fn view(data: &[u8]) -> Sensed {
    let unreadable = "it is no PNG that can be read";
    let mut png = png::Decoder::new(Cursor::new(data));
    png.set_transformations(png::Transformations::normalize_to_color8());
    let mut png = png.read_info().map_err(|_| unreadable)?;
    let mut pixels = vec![0; png.output_buffer_size().ok_or(unreadable)?];
    let frame = png.next_frame(&mut pixels).map_err(|_| unreadable)?;
    let samples = frame.color_type.samples();
    if samples < 3 {
        return Err("it has no colours");
    }
    let mean = |at: usize| {
        let channel = pixels.iter().skip(at).step_by(samples);
        let (sum, n) = channel.fold((0.0, 0), |(sum, n), value| (sum + f64::from(*value), n + 1));
        sum / f64::from(n.max(1)) / 255.0
    };
    let (red, green, blue) = (mean(0), mean(1), mean(2));
    let (light, warmth) = ((red + green + blue) / 3.0, red - blue);
    let tone = if warmth > 0.1 {
        "warm"
    } else if warmth < -0.1 {
        "cold"
    } else {
        "even"
    };
    let shade = if light > 0.6 {
        "light"
    } else if light < 0.3 {
        "dark"
    } else {
        "half dark"
    };
    Ok(Impression {
        mood: (2.0 * (light - 0.4) + 2.0 * warmth).clamp(-1.0, 1.0),
        about: format!(
            "{} by {} pixels, {tone} and {shade}",
            frame.width, frame.height
        ),
    })
}

/// What rises is cheerful, and what falls is not.
fn listen(data: &[u8]) -> Sensed {
    let (rate, sound) = wav(data).ok_or("it is no WAV of 16 bits and one channel")?;
    let (begin, end) = sound.split_at(sound.len() / 2);
    let (low, high) = (pitch(begin, rate), pitch(end, rate));
    let way = if high > low * 1.05 {
        "rising"
    } else if high < low * 0.95 {
        "falling"
    } else {
        "level"
    };
    let seconds = sound.len() as f64 / rate;
    Ok(Impression {
        mood: (2.0 * (high - low) / low.max(1.0)).clamp(-1.0, 1.0),
        about: format!("{seconds:.1} s, {way} from {low:.0} to {high:.0} Hz"),
    })
}

/// How often in a second the sound goes up through nought.
fn pitch(sound: &[f64], rate: f64) -> f64 {
    let (mut ups, mut was_low) = (0, false);
    for &value in sound {
        match was_low {
            true if value > 0.1 => (ups, was_low) = (ups + 1, false),
            false if value < -0.1 => was_low = true,
            _ => {}
        }
    }
    f64::from(ups) * rate / sound.len().max(1) as f64
}

/// The samples in a second, and the sound.
fn wav(data: &[u8]) -> Option<(f64, Vec<f64>)> {
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    let mut chunks = data
        .strip_prefix(b"RIFF")?
        .get(4..)?
        .strip_prefix(b"WAVE")?;
    let mut rate = None;
    loop {
        let (head, rest) = chunks.split_at_checked(8)?;
        let length = number(&head[4..])? as usize;
        let body = rest.get(..length)?;
        match &head[..4] {
            // PCM, one channel.
            b"fmt " if body.get(..4)? == [1, 0, 1, 0] && body.get(14..16)? == [16, 0] => {
                rate = Some(f64::from(number(body.get(4..8)?)?));
            }
            b"data" => {
                let samples = body.chunks_exact(2);
                let sound =
                    samples.map(|two| f64::from(i16::from_le_bytes([two[0], two[1]])) / 32768.0);
                return Some((rate?, sound.collect()));
            }
            _ => {}
        }
        chunks = rest.get(length + length % 2..)?;
    }
}
