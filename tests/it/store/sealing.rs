//! A copy of the database tells nothing without the master key, and notices when it was changed.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use bytes::Bytes;
use entity::{
    ids::{NodeId, SessionId},
    wa_signal_sessions, wa_tc_tokens,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement, sea_query::Expr,
};
use wacore::{
    appstate::hash::HashState,
    store::{
        Device,
        traits::{
            AppStateSyncKey, AppSyncStore, DeviceInfo, DeviceListRecord, DeviceStore,
            LidPnMappingEntry, MsgSecretStore, ProtocolStore, SignalStore, TcTokenEntry,
        },
    },
};
use wharf::{
    domain::clock::SystemClock,
    protocol::store::{Error, Store, is_fenced},
    seal::{self, KeySource, Master, SealError},
};

use super::{leased, open, store};
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    raw_rows_name_nobody_and_show_no_key,
    a_sealed_value_does_not_open_in_another_row,
    a_sealed_value_does_not_open_in_another_session,
    another_master_key_is_refused_at_the_start,
    a_lost_master_key_is_not_replaced,
    another_master_key_opens_no_store,
);

const PHONE: &str = "5511987650001";
const LID: &str = "100000012345678";
const GROUP: &str = "120363021033254949";
const SECRET: &[u8; 32] = b"thirty-two bytes of a secret key";
const TEXT: &str = "meet me at the pier";

/// Write something of every kind.
async fn fill(store: &Store) {
    let (address, lid, group) = (
        format!("{PHONE}:3@s.whatsapp.net"),
        format!("{LID}@lid"),
        format!("{GROUP}@g.us"),
    );
    let mut device = Device::new();
    device.pn = Some(address.parse().unwrap());
    device.push_name = String::from(TEXT);
    store.save(&device).await.unwrap();
    store.put_identity(&address, *SECRET).await.unwrap();
    store.put_session(&address, SECRET).await.unwrap();
    let keys = [(1, Bytes::from_static(SECRET))];
    store.store_prekeys_batch(&keys, false).await.unwrap();
    store.store_signed_prekey(1, SECRET).await.unwrap();
    let sender = format!("{group}:{lid}");
    store.put_sender_key(&sender, SECRET).await.unwrap();
    let key = AppStateSyncKey {
        key_data: SECRET.to_vec(),
        ..AppStateSyncKey::default()
    };
    store.set_sync_key(b"id", key).await.unwrap();
    let mut state = HashState::default();
    state.index_value_map.insert(lid.clone(), SECRET.to_vec());
    store.set_version("regular", state).await.unwrap();
    store
        .set_sender_key_status(&group, &[(&lid, true)])
        .await
        .unwrap();
    let mapping = LidPnMappingEntry {
        lid: LID.to_owned(),
        phone_number: PHONE.to_owned(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".to_owned(),
    };
    store.put_lid_mapping(&mapping).await.unwrap();
    store.save_base_key(&address, "M1", SECRET).await.unwrap();
    let list = DeviceListRecord {
        user: PHONE.to_owned(),
        devices: vec![DeviceInfo::new(1, None)],
        timestamp: 1,
        phash: None,
        raw_id: None,
    };
    store.update_device_list(list).await.unwrap();
    store
        .put_group_metadata(&group, TEXT.as_bytes())
        .await
        .unwrap();
    let token = TcTokenEntry {
        token: SECRET.to_vec(),
        token_timestamp: 1,
        sender_timestamp: None,
    };
    store.put_tc_token(&lid, &token).await.unwrap();
    store
        .store_sent_message(&lid, "M1", TEXT.as_bytes())
        .await
        .unwrap();
    let pending = store.store_pending_inbound(&lid, &lid, "M1", TEXT.as_bytes());
    pending.await.unwrap();
    store
        .put_msg_secret(&lid, &lid, "M1", SECRET)
        .await
        .unwrap();
}

async fn raw_rows_name_nobody_and_show_no_key(test: TestDb) {
    let store = store(&test.db).await;
    fill(&store).await;
    let tables = tables(&test).await;
    assert!(tables.iter().any(|name| name == "wa_pending_inbound"));
    let mut filled = 0;
    for table in tables
        .iter()
        .filter(|name| name.starts_with("wa_") || name.contains("key"))
    {
        let rows = dump(&test, table).await;
        filled += usize::from(!rows.is_empty());
        for secret in [
            PHONE.as_bytes(),
            LID.as_bytes(),
            GROUP.as_bytes(),
            SECRET,
            TEXT.as_bytes(),
        ] {
            let (digits, plain) = (hex::encode(secret), String::from_utf8_lossy(secret));
            assert!(
                !rows.contains(&digits) && !rows.contains(&*plain),
                "{table}: {plain}"
            );
            // Serde writes bytes as a list of numbers.
            let listed = secret
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join(",");
            assert!(
                !rows.contains(&hex::encode(listed)),
                "{table}: {plain}, listed"
            );
        }
    }
    assert!(filled >= 19, "{filled} tables have rows");
}

/// The names of all tables.
async fn tables(test: &TestDb) -> Vec<String> {
    let query = match test.db.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        DbBackend::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        _ => "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
    };
    column(test, query).await
}

/// All rows of a table as text, bytes in lower-case hexadecimal digits.
async fn dump(test: &TestDb, table: &str) -> String {
    let columns = match test.db.get_database_backend() {
        DbBackend::Postgres => {
            let query = format!("SELECT t::text FROM {table} t");
            return column(test, &query).await.concat();
        }
        DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        _ => format!(
            "SELECT column_name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        ),
    };
    let mut all = String::new();
    for name in column(test, &columns).await {
        let query = format!("SELECT COALESCE(LOWER(HEX({name})), '') FROM {table}");
        all.push_str(&column(test, &query).await.join("\n"));
    }
    all
}

async fn column(test: &TestDb, query: &str) -> Vec<String> {
    let statement = Statement::from_string(test.db.get_database_backend(), query);
    let rows = test.db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// The sealed value of the only Signal session of `session`.
async fn sealed(test: &TestDb, session: SessionId) -> Vec<u8> {
    let rows = wa_signal_sessions::Entity::find()
        .filter(wa_signal_sessions::Column::SessionId.eq(session));
    rows.one(&test.db).await.unwrap().unwrap().sealed
}

async fn a_sealed_value_does_not_open_in_another_row(test: TestDb) {
    let store = store(&test.db).await;
    store.put_session("1@lid", b"one").await.unwrap();
    let one = sealed(&test, store.session()).await;
    store.put_session("2@lid", b"two").await.unwrap();
    wa_signal_sessions::Entity::update_many()
        .col_expr(wa_signal_sessions::Column::Sealed, Expr::val(one.clone()))
        .exec(&test.db)
        .await
        .unwrap();
    assert_eq!(store.get_session("1@lid").await.unwrap().unwrap(), "one");
    let refused = store.get_session("2@lid").await.unwrap_err();
    assert!(!is_fenced(&refused), "{refused:?}");

    // Neither in another table.
    let token = TcTokenEntry {
        token: b"x".to_vec(),
        token_timestamp: 1,
        sender_timestamp: None,
    };
    store.put_tc_token("1@lid", &token).await.unwrap();
    wa_tc_tokens::Entity::update_many()
        .col_expr(wa_tc_tokens::Column::Sealed, Expr::val(one))
        .exec(&test.db)
        .await
        .unwrap();
    assert!(store.get_tc_token("1@lid").await.is_err());
}

async fn a_sealed_value_does_not_open_in_another_session(test: TestDb) {
    let (one, two) = (store(&test.db).await, store(&test.db).await);
    one.put_session("1@lid", b"one").await.unwrap();
    two.put_session("1@lid", b"two").await.unwrap();
    let value = sealed(&test, one.session()).await;
    assert_ne!(value, sealed(&test, two.session()).await);
    wa_signal_sessions::Entity::update_many()
        .col_expr(wa_signal_sessions::Column::Sealed, Expr::val(value))
        .exec(&test.db)
        .await
        .unwrap();
    assert_eq!(one.get_session("1@lid").await.unwrap().unwrap(), "one");
    assert!(two.get_session("1@lid").await.is_err());
}

async fn another_master_key_is_refused_at_the_start(test: TestDb) {
    let given = |byte: u8| KeySource::Given(hex::encode([byte; 32]).into());
    seal::unlock(&test.db, &given(1), None).await.unwrap();
    seal::unlock(&test.db, &given(1), None).await.unwrap();
    let refused = seal::unlock(&test.db, &given(2), None).await.unwrap_err();
    assert!(matches!(refused, SealError::WrongKey), "{refused}");
    assert!(refused.to_string().contains("another master key"));

    // Also if somebody has removed the known text but sessions are there.
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let master = Arc::new(Master::from_bytes([1; 32]));
    Store::open(test.db.clone(), fence, master, Arc::new(SystemClock))
        .await
        .unwrap();
    entity::seal_check::Entity::delete_many()
        .exec(&test.db)
        .await
        .unwrap();
    let refused = seal::unlock(&test.db, &given(2), None).await.unwrap_err();
    assert!(matches!(refused, SealError::WrongKey), "{refused}");
    seal::unlock(&test.db, &given(1), None).await.unwrap();
}

async fn a_lost_master_key_is_not_replaced(test: TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let source = KeySource::File(path.clone());
    seal::unlock(&test.db, &source, None).await.unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    seal::unlock(&test.db, &source, None).await.unwrap();
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let refused = seal::unlock(&test.db, &source, None).await.unwrap_err();
    assert!(matches!(refused, SealError::MissingKey(_)), "{refused}");
    assert!(!path.exists(), "no new key hides the loss");
    fs::write(&path, kept).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    seal::unlock(&test.db, &source, None).await.unwrap();
}

async fn another_master_key_opens_no_store(test: TestDb) {
    let fence = leased(&test.db, SessionId::new(), NodeId::new()).await;
    let store = open(&test.db, fence).await;
    store.put_session("1@lid", b"one").await.unwrap();
    let other = Arc::new(Master::from_bytes([9; 32]));
    let opened = Store::open(test.db.clone(), fence, other, Arc::new(SystemClock)).await;
    assert!(matches!(opened, Err(Error::Seal(SealError::WrongKey))));
    let again = open(&test.db, fence).await;
    assert_eq!(again.get_session("1@lid").await.unwrap().unwrap(), "one");
}
