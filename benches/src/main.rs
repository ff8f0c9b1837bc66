//! What superstep costs, as ratios to hand-written tokio code that does the
//! same work, measured in turns in one process.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "wip")]
mod floor;
mod measure;
mod workloads;

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rt = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .expect("rt");
    rt.block_on(async {
        match std::env::args().nth(1).as_deref() {
            Some("chain") => {
                workloads::chain(2000).await;
                return;
            }
            Some("loop") => {
                workloads::looped(2000).await;
                return;
            }
            Some("fan") => {
                workloads::fan_out(2000).await;
                return;
            }
            Some("sends") => {
                workloads::sends(300, cores).await;
                return;
            }
            _ => {}
        }
        let n = 30;
        for row in [
            workloads::chain(n).await,
            workloads::looped(n).await,
            workloads::fan_out(n).await,
            workloads::sends(n, cores).await,
            workloads::cpu(n, cores).await,
            workloads::sleepers(n).await,
        ] {
            println!(
                "{:50} {:10.1} {:10.1} {:8.2} {}",
                row.workload,
                row.median_ns,
                row.floor_ns,
                row.ratio,
                row.holds()
            );
        }
    });
}
