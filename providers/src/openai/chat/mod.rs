//! The interface Chat Completions.

mod decode;
mod encode;

pub(super) use decode::Decoder;
pub(super) use encode::{body, data_url, effort, number};
