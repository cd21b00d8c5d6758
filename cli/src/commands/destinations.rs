//! `tocsin destinations …`

use serde_json::{Value, json};

use super::inbox::{matcher, text};
use super::table;
use crate::arguments::{DestinationsCommand, Output, Remote};
use crate::client::Client;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn destinations(command: DestinationsCommand) -> Result<(), Failure> {
    match command {
        DestinationsCommand::Create { remote, name, url, form, matchers, customer } => {
            let matchers: Vec<Value> = matchers.iter().map(|text| matcher(text)).collect::<Result<_, _>>()?;
            let mut body = json!({"name": name, "url": url, "form": form, "matchers": matchers});
            if let Some(customer) = customer {
                body["customerId"] = json!(customer.to_string());
            }
            create(&remote, &body)
        },
        DestinationsCommand::List { remote } => list(&remote),
        DestinationsCommand::Delete { remote, id } => delete(&remote, id),
    }
}

fn create(remote: &Remote, body: &Value) -> Result<(), Failure> {
    let client = Client::new(remote)?;
    let made = client.post("/v1/destinations", "application/json", body.to_string().as_bytes())?.ok()?;
    match remote.output {
        Output::Json => println!("{made}"),
        // The secret alone goes to standard output, so that it can be put where it belongs.
        Output::Text => {
            eprintln!(
                "destination {} is signed with this secret, which is shown this once:",
                text(&made, "id")
            );
            println!("{}", text(&made, "secret"));
        },
    }
    Ok(())
}

fn list(remote: &Remote) -> Result<(), Failure> {
    let mut rows = Vec::new();
    Client::new(remote)?.pages("/v1/destinations?limit=1000", "destinations", |one| match remote.output {
        Output::Json => println!("{one}"),
        Output::Text => rows.push(
            ["id", "name", "form", "host", "waiting", "delivered", "dropped", "failures", "lastError"]
                .map(|field| text(one, field)),
        ),
    })?;
    if remote.output == Output::Text {
        let headings =
            ["DESTINATION", "NAME", "FORM", "HOST", "WAITING", "DELIVERED", "DROPPED", "FAILURES", "ERROR"];
        println!("{}", table::render(headings, &rows));
    }
    Ok(())
}

fn delete(remote: &Remote, id: uuid::Uuid) -> Result<(), Failure> {
    let body = Client::new(remote)?.delete(&format!("/v1/destinations/{id}"))?.ok()?;
    match remote.output {
        Output::Json => println!("{body}"),
        Output::Text => println!("removed  {id}  {}", text(&body, "name")),
    }
    Ok(())
}
