//! `tocsin tokens …`, `tocsin login`

use std::io::{IsTerminal, Read};

use serde_json::{Value, json};

use super::table;
use crate::arguments::{LoginArguments, Output, Remote, TokensCommand};
use crate::client::{Client, Profile, profiles};
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn tokens(command: TokensCommand) -> Result<(), Failure> {
    match command {
        TokensCommand::Create { remote, role, name, customer, expires } => {
            let customer = customer.map(|customer| customer.to_string());
            let wanted = json!({"role": role, "name": name, "customerId": customer, "expiresAt": expires});
            create(&remote, wanted)
        },
        TokensCommand::List { remote, customer } => list(&remote, customer.map(|id| id.to_string())),
        TokensCommand::Revoke { remote, id } => revoke(&remote, &id.to_string()),
    }
}

fn create(remote: &Remote, mut wanted: Value) -> Result<(), Failure> {
    if let Value::Object(members) = &mut wanted {
        members.retain(|_, value| !value.is_null());
    }
    let client = Client::new(remote)?;
    let body = client.post("/v1/tokens", "application/json", wanted.to_string().as_bytes())?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        // The secret alone goes to standard output, so that it can be put where it belongs.
        Output::Text => {
            eprintln!(
                "token {} ends {}; it is shown this once:",
                text(&body, "id"),
                text(&body, "expiresAt")
            );
            println!("{}", text(&body, "token"));
        },
    }
    Ok(())
}

fn list(remote: &Remote, customer: Option<String>) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let filter = customer.map(|customer| format!("&customerId={customer}")).unwrap_or_default();
    let mut rows = Vec::new();
    client.pages(&format!("/v1/tokens?limit=1000{filter}"), "tokens", |token| match remote.output {
        Output::Json => println!("{token}"),
        Output::Text => rows.push(
            ["id", "role", "customerId", "expiresAt", "createdBy", "name"]
                .map(|field| text(token, field).to_owned()),
        ),
    })?;
    if remote.output == Output::Text {
        println!("{}", table::render(["TOKEN", "ROLE", "CUSTOMER", "ENDS", "MADE BY", "NAME"], &rows));
    }
    Ok(())
}

fn revoke(remote: &Remote, id: &str) -> Result<(), Failure> {
    let body = Client::new(remote)?.delete(&format!("/v1/tokens/{id}"))?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("revoked  {id}  {}", text(&body, "name")),
    }
    Ok(())
}

/// Keeps a server and a token under a name, after asking the server whose token it is.
pub(crate) fn login(arguments: &LoginArguments) -> Result<(), Failure> {
    let token = match &arguments.token_file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?,
        None => ask()?,
    };
    let token = token.trim().to_owned();
    let client = Client::of(&arguments.server, token.clone());
    let me = client.get("/v1/whoami")?.ok()?;
    let (name, server) = (&arguments.profile, arguments.server.clone());
    profiles::keep(&profiles::file()?, name, Profile { server, token })?;
    let customer = match text(&me, "customerId") {
        "" => String::new(),
        customer => format!(" of {customer}"),
    };
    println!(
        "profile {name}: {} ({}{customer}) at {}",
        text(&me, "name"),
        text(&me, "role"),
        arguments.server
    );
    Ok(())
}

/// The token from standard input: it must not stand in the command line, which others can see.
fn ask() -> Result<String, Failure> {
    let mut input = std::io::stdin();
    let mut text = String::new();
    let read = if input.is_terminal() {
        eprint!("token: ");
        input.read_line(&mut text)
    } else {
        input.read_to_string(&mut text)
    };
    read.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    if text.trim().is_empty() {
        return Err(Failure::usage("no token: pass it on standard input, or name a file with --token-file"));
    }
    Ok(text)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
