//! Logs and metrics of the process.

use std::io::IsTerminal;
use std::sync::Arc;

use api::MetricsPage;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::failure::Failure;

/// Buckets of durations in seconds, from a tenth of a millisecond to ten seconds.
const SECONDS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Sends logs to standard error and starts to collect metrics; answers the page that shows them.
pub(crate) fn install(config: &Config) -> Result<MetricsPage, Failure> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| Failure::usage(format!("log: `{}` is not a filter: {error}", config.log)))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    installed.map_err(|error| Failure::other_side(format!("logging: {error}")))?;
    let metrics =
        |error: metrics_exporter_prometheus::BuildError| Failure::other_side(format!("metrics: {error}"));
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(metrics)?
        .install_recorder()
        .map_err(metrics)?;
    worker::metrics::describe();
    bootstrap::metrics::describe();
    connectors::describe_metrics();
    state::metrics::describe();
    Ok(Arc::new(move || {
        // Without upkeep histograms would keep every sample since the last scrape.
        recorder.run_upkeep();
        recorder.render()
    }))
}
