//! The routes, the layers around them, and the contract that is generated from both.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Code, Problem, ProblemBody};
use crate::state::App;
use crate::{access, alerts, audit, destinations, events, health, observe, rules, savepoints, tokens};

#[derive(OpenApi)]
#[openapi(
    info(title = "Tocsin", description = "Rules over a stream of events: rules and events in, alerts out."),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
    tags(
        (name = "rules", description = "What is looked for in the events"),
        (name = "events", description = "What happened"),
        (name = "alerts", description = "What was found"),
        (name = "audit", description = "Who did what"),
        (name = "tokens", description = "Who may do what"),
        (name = "savepoints", description = "States of the whole deployment that can be gone back to"),
        (name = "process", description = "How this process is")
    )
)]
struct Contract;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, contract: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        contract
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Contract::openapi())
        .routes(routes!(rules::list::list, rules::write::post))
        .routes(routes!(rules::list::get, rules::write::put, rules::write::delete))
        .routes(routes!(rules::groups::groups))
        .routes(routes!(rules::bootstrap::get, rules::bootstrap::delete))
        .routes(routes!(rules::schema::schema))
        .routes(routes!(rules::validate::validate))
        .routes(routes!(rules::explain::explain))
        .routes(routes!(rules::preview::preview))
        .routes(routes!(rules::import::import))
        .routes(routes!(rules::export::export))
        .routes(routes!(events::append::post))
        .routes(routes!(alerts::stream::stream))
        .routes(routes!(alerts::inbox::list::list))
        .routes(routes!(alerts::inbox::list::show, alerts::inbox::change::change))
        .routes(routes!(alerts::inbox::groups::groups))
        .routes(routes!(alerts::inbox::rebuild::rebuild))
        .routes(routes!(alerts::inbox::silences::list, alerts::inbox::silences::make))
        .routes(routes!(alerts::inbox::silences::end))
        .routes(routes!(destinations::list::list, destinations::make::make))
        .routes(routes!(destinations::list::remove))
        .routes(routes!(tokens::list::list, tokens::make::make))
        .routes(routes!(tokens::revoke::revoke))
        .routes(routes!(audit::list::list))
        .routes(routes!(tokens::whoami::whoami))
        .routes(routes!(savepoints::list, savepoints::post))
        .routes(routes!(savepoints::get))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(health::contract))
        .routes(routes!(health::errors))
}

/// The contract: OpenAPI 3.1.
pub(crate) fn contract() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The whole service.
pub(crate) fn router(app: App) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(no_such_path)
        // The last layer is the outermost: everything is observed, refusals and panics too.
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(from_fn_with_state(App::clone(&app), access::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe::observe))
        .with_state(app)
}

async fn no_such_path(request: Request) -> Problem {
    // The path is the caller's own; a token in it by mistake would come back to the caller alone.
    Problem::new(Code::NoSuchPath, format!("nothing is at {}", request.uri().path()))
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler has panicked");
    Problem::new(Code::Internal, "a defect of the server; it goes on").into_response()
}
