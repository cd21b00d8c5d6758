//! Who may do what. [`table`] says what each route takes, [`role`] what each role gives, [`authenticate`] who asks,
//! [`principal`] how far that reaches. The layer here denies all that the table does not allow; whose things a request
//! may touch is for its handler to ask of its [`Caller`].

mod attempts;
mod authenticate;
mod principal;
mod role;
mod source;
mod table;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{Answer, Code, Problem};
use crate::state::App;

pub(crate) use authenticate::Authenticator;
pub(crate) use principal::{Caller, Principal, Reach, foreign};
pub(crate) use role::{Capability, Role};
pub(crate) use source::{Peer, Source};
pub(crate) use table::Access;
#[cfg(test)]
pub(crate) use table::TABLE;

/// The layer: lets a request through, or answers it.
pub(crate) async fn check(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        // No route, so nothing to protect: the fallback answers 404.
        return next.run(request).await;
    };
    let source = Source::of(&request, app.settings.behind_proxy);
    request.extensions_mut().insert(source);
    match permit(&app, request.method(), request.headers(), path.as_str(), source).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        },
        Err(problem) => problem.into_response(),
    }
}

async fn permit(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
    source: Source,
) -> Answer<Option<Caller>> {
    let needed = match table::lookup(method, path)? {
        Access::Public => return Ok(None),
        Access::Token => None,
        Access::Needs(capability) => Some(capability),
    };
    let caller = Caller(app.authenticator.authenticate(headers, source).await?);
    if let Some(capability) = needed
        && !caller.may(capability)
    {
        let detail =
            format!("the role `{}` does not give the right `{}`", caller.0.role.name(), capability.name());
        return Err(Problem::new(Code::NotAllowed, detail));
    }
    Ok(Some(caller))
}
