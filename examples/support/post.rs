//! A post: text, and a picture and a sound that lie beside it in files.

use std::{collections::BTreeMap, fs, io, path::Path, process::ExitCode, sync::Arc};

use serde::{Deserialize, Serialize};

use super::file::file;

const USAGE: &str = "\
usage: cargo run --example analyse_post --features models [-- FILE]

Reads FILE (JSON with any of \"text\", \"image\" and \"audio\", the latter being
files beside it, PNG and WAV; a post about an evening if none is given) and says
how the post feels, by each of its parts and in all.";

/// A post in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: Option<String>,
    image: Option<String>,
    audio: Option<String>,
}

/// Data by reference: what a state holds of a file that may be large.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Blob {
    /// What the data comes to, as a number of 16 digits: other data has another.
    digest: String,
    pub(crate) mime: String,
}

/// The data itself, by what refers to it. Stands for a store of objects.
#[derive(Debug, Default)]
pub(crate) struct Blobs(BTreeMap<Blob, Arc<[u8]>>);

impl Blobs {
    fn put(&mut self, mime: &str, data: Vec<u8>) -> Blob {
        // FNV-1a, which tells files apart that nobody has forged.
        let hash = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let (digest, mime) = (format!("{hash:016x}"), mime.to_owned());
        let blob = Blob { digest, mime };
        self.0.insert(blob.clone(), data.into());
        blob
    }

    /// The data, which is not copied.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn get(&self, blob: &Blob) -> io::Result<Arc<[u8]>> {
        let data = self.0.get(blob).cloned();
        data.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no {blob:?}")))
    }

    /// How many bytes all of them have.
    pub(crate) fn size(&self) -> usize {
        self.0.values().map(|data| data.len()).sum()
    }
}

/// What a post may consist of.
pub(crate) const PARTS: [&str; 3] = ["text", "image", "audio"];

/// The parts of a post, any of which may not be there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) text: Option<String>,
    pub(crate) image: Option<Blob>,
    pub(crate) audio: Option<Blob>,
}

impl Parts {
    /// The names of those that are there.
    pub(crate) fn present(&self) -> Vec<&'static str> {
        let Self { text, image, audio } = self;
        let there = [text.is_some(), image.is_some(), audio.is_some()];
        let there = PARTS.into_iter().zip(there).filter(|(_, there)| *there);
        there.map(|(name, _)| name).collect()
    }
}

/// The post in the file that the arguments name, or in `default` of
/// `examples/data`.
///
/// # Errors
///
/// Whatever there is instead has been printed. The program is to end with the
/// exit code.
pub(crate) fn post(default: &str) -> Result<(Parts, Blobs), ExitCode> {
    file(default, USAGE, |path, text| parse(path, &text))
}

fn parse(path: &Path, text: &str) -> Result<(Parts, Blobs), String> {
    let written: Written = serde_json::from_str(text)
        .map_err(|error| format!("is no post ({error}): see `--help`"))?;
    let mut blobs = Blobs::default();
    let mut blob = |name: &Option<String>, mime: &str| match name {
        None => Ok(None),
        Some(name) => match fs::read(path.with_file_name(name)) {
            Ok(data) => Ok(Some(blobs.put(mime, data))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("names `{name}`, which is not beside it"))
            }
            Err(error) => Err(format!("names `{name}`, which cannot be read ({error})")),
        },
    };
    let parts = Parts {
        image: blob(&written.image, "image/png")?,
        audio: blob(&written.audio, "audio/wav")?,
        text: written.text,
    };
    match parts {
        Parts {
            text: None,
            image: None,
            audio: None,
        } => Err("has no parts: see `--help`".to_owned()),
        parts => Ok((parts, blobs)),
    }
}
