//! What holds of every checkpointer.

use superstep_core::testing::kit;
use superstep_providers::Postgres;

use crate::server::server;

async fn opened(url: String) -> Postgres {
    let options = Postgres::options(url).schema("kit").connections(4);
    options.connect().await.expect("it connects")
}

/// A test of each case, where there is a server.
macro_rules! tests {
    ({} $($theme:ident { $($case:ident)* })*) => {
        $(mod $theme {
            $(#[test]
            fn $case() {
                if let Some(server) = super::server() {
                    super::kit::assert_case(
                        super::opened(server.url()),
                        super::kit::$theme::$case,
                    );
                }
            })*
        })*
    };
}

kit::list! { (tests) {} }
