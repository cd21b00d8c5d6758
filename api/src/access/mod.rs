//! Who may do what. [`table`] says what each route takes, [`role`] what each role gives, [`authenticate`] who asks,
//! [`principal`] how far that reaches. The layer here denies all that the table does not allow, and has done and refused
//! things written to the audit log; whose things a request may touch is for its handler to ask of its [`Caller`].

mod attempts;
mod authenticate;
#[cfg(test)]
mod matrix;
mod oidc;
mod principal;
mod role;
mod source;
mod table;
mod witness;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::blocking;
use crate::error::{Answer, Code, Problem};
use crate::state::App;

pub(crate) use authenticate::Authenticator;
pub use oidc::OidcSettings;
pub(crate) use principal::{Caller, Principal, Reach, foreign};
pub(crate) use role::{Capability, Role};
pub(crate) use source::{Peer, Source};
pub(crate) use table::Access;
#[cfg(test)]
pub(crate) use table::TABLE;
pub(crate) use witness::{Hidden, Object};
use witness::{Witness, is_refusal};

/// The layer: lets a request through, or answers it.
pub(crate) async fn check(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        // No route, so nothing to protect: the fallback answers 404.
        return next.run(request).await;
    };
    let source = Source::of(&request, app.settings.behind_proxy);
    let mut witness = Witness::new(&request, path.as_str(), source);
    let permitted = permit(&app, request.method(), request.headers(), path.as_str(), source, &mut witness);
    let capability = match permitted.await {
        Ok(capability) => capability,
        Err(problem) => {
            let response = problem.into_response();
            if is_refusal(&response) {
                app.audit.refused(witness.entry(&response));
            }
            return response;
        },
    };
    if let Some(caller) = witness.caller() {
        request.extensions_mut().insert(caller.clone());
    }
    if capability.is_some_and(Capability::is_audited) {
        // A client that breaks off must not keep what it has done out of the audit log.
        let doing = tokio::spawn(audited(app, request, next, witness));
        return doing.await.unwrap_or_else(|error| blocking::ended(&error).into_response());
    }
    let response = next.run(request).await;
    if is_refusal(&response) {
        app.audit.refused(witness.entry(&response));
    }
    response
}

async fn audited(app: App, request: Request, next: Next, witness: Witness) -> Response {
    if let Err(problem) = app.audit.ready().await {
        return problem.into_response();
    }
    let response = next.run(request).await;
    let entry = witness.entry(&response);
    if !response.status().is_success() {
        app.audit.refused(entry);
        return response;
    }
    match app.audit.done(entry).await {
        Ok(()) => response,
        Err(problem) => problem.into_response(),
    }
}

/// The capability that lets it through, if one is needed.
async fn permit(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
    source: Source,
    witness: &mut Witness,
) -> Answer<Option<Capability>> {
    let needed = match table::lookup(method, path)? {
        Access::Public => return Ok(None),
        Access::Token => None,
        Access::Needs(capability) => Some(capability),
    };
    let caller = Caller(app.authenticator.authenticate(headers, source).await?);
    witness.identified(caller.clone());
    match needed {
        Some(capability) if !caller.may(capability) => {
            let (role, right) = (caller.0.role.name(), capability.name());
            let detail = format!("the role `{role}` does not give the right `{right}`");
            Err(Problem::new(Code::NotAllowed, detail))
        },
        needed => Ok(needed),
    }
}
