//! The binary: arguments, configuration, telemetry, wiring. The only place that names concrete implementations.
//!
//! Commands that run something are in [`roles`], commands that talk to a running system in [`commands`].
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod arguments;
mod client;
mod commands;
mod config;
mod demo;
mod failure;
mod roles;
mod telemetry;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, ConfigCommand, HistoryCommand, SettingFlags, TopicsCommand};
use config::{Config, Environment, Layers};
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tocsin: {failure}");
            ExitCode::from(failure.code())
        },
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    let file = arguments.config.as_deref();
    match arguments.command {
        Command::Run { settings, demo } => roles::run(&load(&settings, file)?, demo),
        Command::Worker { settings } => roles::worker_only(&load(&settings, file)?),
        Command::Api { settings } => roles::api_only(&load(&settings, file)?),
        Command::Router { settings, router } => {
            roles::router(&load(&SettingFlags { router, ..settings }, file)?)
        },
        Command::Archiver { settings } => roles::archiver_only(&load(&settings, file)?),
        Command::History { command } => history(command, file),
        Command::Eval(arguments) => commands::eval(&arguments),
        Command::Rules { command } => commands::rules(command),
        Command::Events { command } => commands::events(command),
        Command::Alerts { command } => commands::alerts(command),
        Command::Savepoint { command } => commands::savepoint(command, |settings| load(settings, file)),
        Command::Checkpoints { command } => commands::checkpoints(command, |settings| load(settings, file)),
        Command::Doctor { settings, fix, yes } => commands::doctor(&load(&settings, file)?, fix, yes),
        Command::Destinations { command } => commands::destinations(command),
        Command::Tokens { command } => commands::tokens(command),
        Command::Audit { command } => commands::audit(command),
        Command::Completions { shell } => commands::completions(shell),
        Command::Man { folder } => commands::man(&folder),
        Command::Login(arguments) => commands::login(&arguments),
        Command::Topics { command } => match command {
            TopicsCommand::Create { settings } => commands::create_topics(&load(&settings, file)?),
            TopicsCommand::Verify { settings } => commands::verify_topics(&load(&settings, file)?),
        },
        Command::Config { command: ConfigCommand::Show { settings, output } } => {
            let layers = layers(&settings, file)?;
            commands::show_config(&layers, output);
            Config::read(&layers).map(drop)
        },
    }
}

fn history(command: HistoryCommand, file: Option<&Path>) -> Result<(), Failure> {
    match command {
        HistoryCommand::Status { settings, output } => {
            commands::history_status(&load(&settings, file)?, output)
        },
        HistoryCommand::Import(arguments) => {
            let config = load(&arguments.settings, file)?;
            commands::history_import(&config, &arguments)
        },
        HistoryCommand::Compact { settings } => commands::history_compact(&load(&settings, file)?),
        HistoryCommand::Erase { settings, customer, request } => {
            commands::history_erase(&load(&settings, file)?, customer, &request)
        },
        HistoryCommand::AcceptGap { settings, partition } => {
            commands::history_accept_gap(&load(&settings, file)?, partition)
        },
    }
}

fn layers(flags: &SettingFlags, file: Option<&Path>) -> Result<Layers, Failure> {
    let environment: Environment = std::env::vars().filter(|(name, _)| name.starts_with("TOCSIN_")).collect();
    Layers::gather(flags, &environment, file)
}

fn load(flags: &SettingFlags, file: Option<&Path>) -> Result<Config, Failure> {
    Config::read(&layers(flags, file)?)
}
