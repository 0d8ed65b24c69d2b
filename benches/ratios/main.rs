//! The ratio benchmarks: each does the same work twice in one run, by Wharf and by a bare loop, and prints the ratio.
//!
//! `make bench` builds and runs all of them; `cargo bench … -- memory commit` runs those whose name is given. The
//! bounds are those that the README quotes; a missed one ends the run with 1 after the others have run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on says so by panicking"
)]
#![expect(clippy::cast_precision_loss, reason = "counts are small here")]
#![expect(clippy::print_stdout, reason = "the numbers go there")]

mod bare;
mod commit;
#[expect(
    unused_macros,
    unused_imports,
    reason = "shared with the tests, which use more of it"
)]
#[path = "../../tests/it/harness/databases.rs"]
mod databases;
mod deliveries;
mod faces;
mod group;
mod history;
mod image;
mod ledger;
mod neighbours;
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../../tests/it/harness/processes.rs"]
mod processes;
mod qr;
mod report;
mod rig;
mod search;
mod sessions;
mod soak;
mod sockets;
mod streams;
mod throughput;

use std::process::ExitCode;

use report::Report;
use tikv_jemallocator::Jemalloc;

// As in the service, so that its yardsticks have it too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    match borrowed[..] {
        ["bare-clients", url, control] => runtime.block_on(bare::child(url, control)),
        ["bare-fan"] => runtime.block_on(streams::fan()),
        ["flood", login] => runtime.block_on(faces::flooder(login)),
        ["bare-hello"] => runtime.block_on(faces::hello()),
        ["bare-copy"] => runtime.block_on(image::copy()),
        ["bare-echo"] => runtime.block_on(sockets::echo()),
        ["receiver"] => runtime.block_on(deliveries::receive()),
        // On a worker, as in the service: the main thread of a runtime pays more for each change of tasks.
        _ => return runtime.block_on(async { runtime.spawn(run(words)).await.unwrap() }),
    }
    ExitCode::SUCCESS
}

/// Runs on this worker what cannot go from one to another.
fn here<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| runtime.block_on(work))
}

async fn run(wanted: Vec<String>) -> ExitCode {
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut report = Report::default();
    if wants("commit") {
        commit::run(&mut report).await;
    }
    if wants("deliveries") {
        deliveries::run(&mut report).await;
    }
    if wants("holes") {
        deliveries::holes(&mut report).await;
    }
    if wants("dead") {
        deliveries::dead(&mut report).await;
    }
    if wants("sockets") {
        sockets::run(&mut report).await;
    }
    if wants("streams") {
        streams::run(&mut report).await;
    }
    if wants("qr") {
        qr::run(&mut report).await;
    }
    if wants("throughput") {
        throughput::run(&mut report).await;
    }
    if wants("sessions") {
        sessions::run(&mut report).await;
    }
    if wants("history") {
        history::run(&mut report).await;
    }
    if wants("search") {
        search::run(&mut report).await;
    }
    if wants("faces") {
        here(faces::run(&mut report));
    }
    if wants("neighbours") {
        here(neighbours::run(&mut report));
    }
    if wants("group") {
        here(group::run(&mut report));
    }
    if wants("image") {
        here(image::run(&mut report));
    }
    if wants("soak") {
        here(soak::run(&mut report));
    }
    report.print()
}
