//! What runs beside the service for as long as it runs.

use std::sync::Arc;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use crate::{
    http::server::{self, Entrance},
    lifecycle::{Stop, Tasks},
    seal::{self, Master},
    telemetry,
};

/// Seals anew what the other master key has sealed, and says when that key can go.
pub(super) async fn change_keys(db: DatabaseConnection, master: Arc<Master>) {
    match seal::seal_anew(&db, &master).await {
        Ok(count) => tracing::info!(
            "nothing is sealed with auth.other_master_key any more ({count} values were sealed anew); once every \
             node seals with the new key, it can go"
        ),
        Err(error) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "what the other master key has sealed could not all be sealed anew; the next start goes on with it"
        ),
    }
}

/// Folds what was measured from time to time; see [`telemetry::metrics::FOLD_EVERY`].
pub(super) fn fold(scrape: &PrometheusHandle, tasks: &Tasks, stop: &Stop) {
    let (scrape, soft) = (scrape.clone(), stop.soft_token());
    tasks.spawn("telemetry.fold", async move {
        let mut tick = tokio::time::interval(telemetry::metrics::FOLD_EVERY);
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            scrape.run_upkeep();
        }
    });
}

pub(super) fn serve_http(
    entrance: Entrance,
    router: Router,
    tasks: &Tasks,
    stop: &Stop,
) -> CancellationToken {
    let drained = CancellationToken::new();
    let last = drained.clone();
    let (own, at) = (tasks.clone(), stop.clone());
    tasks.spawn_critical("http.serve", stop, async move {
        server::serve(entrance, router, &own, &at).await;
        last.cancel();
    });
    drained
}
