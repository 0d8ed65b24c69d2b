//! Forgetting: everything of a session, when it is deleted or has to pair anew.

use entity::ids::SessionId;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::{Error, Store};

/// Run `$body` for the module of each table that holds device state.
macro_rules! each_table {
    ($db:expr, $session:expr, $($table:ident)+) => {
        $(
            entity::$table::Entity::delete_many()
                .filter(entity::$table::Column::SessionId.eq($session))
                .exec($db)
                .await?;
        )+
    };
}

async fn forget(db: &impl ConnectionTrait, session: SessionId) -> Result<(), DbErr> {
    each_table!(db, session,
        wa_devices wa_identities wa_signal_sessions wa_prekeys wa_signed_prekeys wa_sender_keys
        wa_sync_keys wa_sync_versions wa_mutation_macs
        wa_sender_key_devices wa_lid_mappings wa_pn_lids wa_base_keys wa_device_lists
        wa_group_metadata wa_tc_tokens wa_sent_messages wa_pending_inbound wa_msg_secrets
    );
    Ok(())
}

/// Remove all device state of `session` and its keys, in the caller's transaction.
///
/// For the end of a session. That transaction must take the lease away too (remove its row or raise its
/// epoch): a store that is still open elsewhere would write what nobody can open any more.
pub async fn delete_all(tx: &impl ConnectionTrait, session: SessionId) -> Result<(), DbErr> {
    forget(tx, session).await?;
    each_table!(tx, session, session_keys);
    Ok(())
}

impl Store {
    /// Remove all device state, so that the session pairs anew. The store stays usable.
    pub async fn clear(&self) -> Result<(), Error> {
        let write = self.begin().await?;
        forget(&write.tx, self.session).await?;
        self.riders.clear();
        write.commit().await
    }
}
