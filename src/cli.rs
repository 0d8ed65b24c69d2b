//! The command line: what `wharf` does when somebody starts it.
//!
//! Owns the words of the command line, the exit codes and the one place where an error is printed. Must never do
//! what a service verb does: it calls those. `main` calls [`run`].

mod accounts;
mod client;
mod config;
mod demo;
mod exit;
mod healthcheck;
mod listen;
mod migrate;
mod openapi;
mod serve;
mod tail;

use std::{ffi::OsString, net::IpAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::{Config, Flags, Sources};
use exit::{Exit, Failure};

const ABOUT_EXITS: &str = "\
Exit codes:
  0  done, or stopped as asked
  1  it failed; the last line says why
  2  the command line or the configuration is not valid
  3  refused, because going on would not be safe: a sample password on a public address, a data folder that
     another process holds, a wrong master key, a database of a newer version, a WhatsApp that proves nothing";

/// Runs WhatsApp sessions: REST to steer them, sockets and webhooks to hear them.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, after_help = ABOUT_EXITS)]
struct Cli {
    #[command(flatten)]
    flags: FlagArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
struct FlagArgs {
    /// Configuration file [default: wharf.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, global = true)]
    host: Option<IpAddr>,
    /// Port to listen on.
    #[arg(long, global = true)]
    port: Option<u16>,
    /// Folder of the embedded database and of generated secrets.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service; what `wharf` does when nothing else is said.
    Serve,
    /// Bring the database up to date.
    Migrate,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the description of the API.
    Openapi,
    /// Ask the service at the configured address whether it is ready.
    Healthcheck,
    /// Play the main job against a sandbox build that runs, and print each step with its time.
    Demo(demo::Demo),
    /// Receive webhooks in this terminal: print and verify them, and hand them on.
    Listen(listen::Listen),
    /// Follow what happens to one session, or to all.
    Tail(tail::Tail),
    /// Manage users.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user.
    Add(accounts::AddUser),
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key for a user and print it, once.
    Create(accounts::CreateKey),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print what is in effect, secrets hidden.
    Check,
    /// Print the reference page.
    Docs,
}

/// Does what the arguments of this process say.
pub fn run() -> ExitCode {
    match dispatch(std::env::args_os()) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.tell(),
    }
}

fn dispatch(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let cli = Cli::try_parse_from(args)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(load(cli.flags)?),
        Command::Migrate => migrate::run(&load(cli.flags)?),
        Command::Config(ConfigCommand::Check) => config::check(&load(cli.flags)?),
        Command::Config(ConfigCommand::Docs) => config::docs(),
        Command::Openapi => openapi::run(),
        Command::Healthcheck => healthcheck::run(&load(cli.flags)?),
        Command::Demo(args) => demo::run(&load(cli.flags)?, args),
        Command::Listen(args) => listen::run(&load(cli.flags)?, args),
        Command::Tail(args) => tail::run(&load(cli.flags)?, args),
        Command::User(UserCommand::Add(wanted)) => accounts::add(&load(cli.flags)?, wanted),
        Command::Key(KeyCommand::Create(wanted)) => accounts::create_key(&load(cli.flags)?, wanted),
    }
}

fn load(flags: FlagArgs) -> Result<Config, Failure> {
    let mut values = Vec::new();
    if let Some(host) = flags.host {
        values.push(("http.host", host.to_string()));
    }
    if let Some(port) = flags.port {
        values.push(("http.port", port.to_string()));
    }
    if let Some(dir) = flags.data_dir {
        values.push(("data.dir", dir.to_string_lossy().into_owned()));
    }
    let flags = Flags {
        file: flags.config,
        values,
    };
    Ok(Config::load(&Sources::of_process(flags))?)
}

/// The runtime of a command that asks the database.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(anyhow::Error::from(error).context("cannot start")))
}

/// Writes to the standard output. Whoever hung up (`wharf openapi | head`) has read enough.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(
            anyhow::Error::from(error).context("cannot write"),
        )),
        _ => Ok(()),
    }
}

fn print_all(text: &str) -> anyhow::Result<()> {
    print(text).map_err(|_| anyhow::anyhow!("cannot write to the terminal"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn exit_of(args: &[&str]) -> Exit {
        let args = ["wharf"].iter().chain(args).map(OsString::from);
        dispatch(args).map_or_else(|failure| failure.exit(), |()| Exit::Done)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_unknown_command_is_a_usage_error_and_help_is_not() {
        assert_eq!(exit_of(&["sevre"]), Exit::Usage);
        assert_eq!(exit_of(&["--port", "many"]), Exit::Usage);
        assert_eq!(exit_of(&["--help"]), Exit::Done);
    }

    #[test]
    fn a_configuration_file_that_is_not_there_is_a_usage_error() {
        let args = ["config", "check", "--config", "/nowhere/wharf.toml"];
        assert_eq!(exit_of(&args), Exit::Usage);
    }
}
