//! What the framework promises, module by module, through its public face.

mod common;
mod explore;
mod laws;
mod policy;
mod run;
mod silent;
mod state;
mod transcript;
