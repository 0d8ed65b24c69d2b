//! Rotation of the signing secret.

use entity::ids::EndpointId;

use super::{Ctx, Endpoint, Error, Webhooks};
use crate::webhook::signer::Secret;

/// How long the previous secret signs next to the new one.
const OVERLAP_MS: i64 = 24 * 3_600_000;

impl Webhooks {
    /// Give an endpoint a new secret, which is shown this once. For a day both sign, so that a receiver can
    /// change over without losing a delivery.
    pub async fn rotate_secret(
        &self,
        ctx: &Ctx,
        id: EndpointId,
    ) -> Result<(Endpoint, Secret), Error> {
        let secret = Secret::generate().map_err(Error::internal)?;
        let sealed = self
            .parts
            .vault
            .seal_secret(id, &secret)
            .map_err(Error::internal)?;
        let until = self.parts.clock.now_ms() + OVERLAP_MS;
        let shown = self
            .change(ctx, id, |row| {
                let previous = std::mem::replace(&mut row.secret_sealed, sealed);
                row.prev_secret_sealed = Some(previous);
                row.prev_until = Some(until);
                Ok(())
            })
            .await?;
        Ok((shown, secret))
    }
}
