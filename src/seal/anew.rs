//! Sealing anew: what the master key before this one has sealed is sealed with this one, so that the old one can go.
//!
//! Owns the list of what the master key seals itself; what a session's own key seals stays as it is. A value that somebody else
//! writes meanwhile is left to them. `app` runs it after the start while there is another key.

use entity::{seal_check, session_credentials, session_keys, sessions, webhook_endpoints};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{Master, SealError, check};

/// Rows that are read at once.
const PAGE: u64 = 500;

/// Seals anew whatever the other key has sealed; how many values that were.
pub async fn seal_anew(db: &DatabaseConnection, master: &Master) -> Result<u64, SealError> {
    use session_credentials::Column as Credential;
    use session_keys::Column as SessionKey;
    use sessions::Column as Session;
    use webhook_endpoints::Column as Endpoint;
    let anew = Anew { db, master };
    let (secret, headers) = ("webhook_endpoints.secret", "webhook_endpoints.headers");
    let mut count = 0;
    count += anew
        .column::<session_keys::Entity>(SessionKey::SessionId, SessionKey::Wrapped, "session_keys")
        .await?;
    for (column, purpose) in [
        (Endpoint::SecretSealed, secret),
        (Endpoint::PrevSecretSealed, secret),
        (Endpoint::HeadersSealed, headers),
    ] {
        count += anew
            .column::<webhook_endpoints::Entity>(Endpoint::Id, column, purpose)
            .await?;
    }
    count += anew
        .column::<sessions::Entity>(Session::Id, Session::ProxySealed, "sessions.proxy")
        .await?;
    let (id, sealed) = (Credential::SessionId, Credential::Sealed);
    count += anew
        .column::<session_credentials::Entity>(id, sealed, "session_credentials.sealed")
        .await?;
    // Last: from here on a process without the other key starts.
    count += anew.check().await?;
    Ok(count)
}

struct Anew<'a> {
    db: &'a DatabaseConnection,
    master: &'a Master,
}

impl Anew<'_> {
    /// Seals the values of one column anew; each is bound to the id of its row.
    async fn column<E: EntityTrait>(
        &self,
        id: E::Column,
        sealed: E::Column,
        purpose: &str,
    ) -> Result<u64, SealError> {
        let mut count = 0;
        let mut after: Option<Uuid> = None;
        loop {
            let mut page = E::find()
                .select_only()
                .columns([id, sealed])
                .order_by_asc(id)
                .limit(PAGE);
            if let Some(after) = after {
                page = page.filter(id.gt(after));
            }
            let page: Vec<(Uuid, Option<Vec<u8>>)> = page.into_tuple().all(self.db).await?;
            after = page.last().map(|(row, _)| *row);
            let is_last = (page.len() as u64) < PAGE;
            for (row, before) in page {
                let Some(before) = before.filter(|before| self.master.is_of_other(before)) else {
                    continue;
                };
                let plain = self.master.open(purpose, row, &before)?;
                let fresh = self.master.seal(purpose, row, &plain)?;
                let written = E::update_many()
                    .col_expr(sealed, Expr::value(fresh))
                    .filter(id.eq(row))
                    .filter(sealed.eq(before))
                    .exec(self.db)
                    .await?;
                count += written.rows_affected;
            }
            if is_last {
                return Ok(count);
            }
        }
    }

    /// Seals the text anew that every start opens first.
    async fn check(&self) -> Result<u64, SealError> {
        let row = seal_check::Entity::find_by_id(check::ROW)
            .one(self.db)
            .await?;
        let Some(before) = row.map(|row| row.sealed) else {
            return Ok(0);
        };
        if !self.master.is_of_other(&before) {
            return Ok(0);
        }
        let plain = self.master.open(check::PURPOSE, Uuid::nil(), &before)?;
        let fresh = self.master.seal(check::PURPOSE, Uuid::nil(), &plain)?;
        let written = seal_check::Entity::update_many()
            .col_expr(seal_check::Column::Sealed, Expr::value(fresh))
            .filter(seal_check::Column::Id.eq(check::ROW))
            .filter(seal_check::Column::Sealed.eq(before))
            .exec(self.db)
            .await?;
        Ok(written.rows_affected)
    }
}
