//! `wharf-sandbox`: a WhatsApp server and phones in a process of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use wharf_sandbox::{Config, Sandbox};

/// A WhatsApp server and the people with phones behind it.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address of the WhatsApp socket, media and the control API.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Address of a second listener that speaks TLS with a certificate of its own.
    #[arg(long)]
    tls_listen: Option<SocketAddr>,
    /// Folder for people, devices and queues. Without it they live as long as the process.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Makes keys, ids and refs the same in every run.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let config = Config {
        listen: args.listen,
        tls_listen: args.tls_listen,
        data: args.data,
        seed: args.seed,
        ..Config::default()
    };
    let sandbox = Sandbox::start(config).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sandbox.stop().await;
    Ok(())
}
