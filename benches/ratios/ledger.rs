//! What a bare client has to do that loses nothing: each message is stored before it is sent, and its ack after.
//!
//! As anybody would write it: one connection, a statement at a time, every commit synced.

use entity::{
    ids::{MessageRowId, SessionId},
    messages,
};
use sea_orm::{
    ColumnTrait as _, ConnectOptions, Database, DatabaseConnection, EntityTrait as _,
    QueryFilter as _,
    sea_query::Expr,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::databases::{Engine, TestDb};

pub(crate) struct Ledger {
    db: DatabaseConnection,
    session: SessionId,
    _file: TestDb,
}

impl Ledger {
    pub(crate) async fn open() -> Self {
        let file = TestDb::migrated(Engine::Sqlite).await;
        let mut options = ConnectOptions::new(&file.url);
        options
            .max_connections(1)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
            });
        Self {
            db: Database::connect(options).await.unwrap(),
            session: SessionId::new(),
            _file: file,
        }
    }

    /// Stores a text that is about to be sent.
    pub(crate) async fn enter(&self, to: &str, text: &str) -> MessageRowId {
        let row = messages::Model {
            session_id: self.session,
            id: MessageRowId::new(),
            chat: to.to_owned(),
            sender: "491700200002@s.whatsapp.net".to_owned(),
            message_id: wharf::protocol::message_id(),
            from_me: true,
            kind: "text".to_owned(),
            body: serde_json::json!({ "to": to, "text": { "body": text } }).to_string(),
            ack: 0,
            sent_at: 0,
            created_at: 0,
            untold: false,
        };
        let id = row.id;
        messages::Entity::insert(messages::ActiveModel::from(row))
            .exec_without_returning(&self.db)
            .await
            .unwrap();
        id
    }

    /// Stores that the server has it.
    pub(crate) async fn tick(&self, id: MessageRowId) {
        let done = messages::Entity::update_many()
            .col_expr(messages::Column::Ack, Expr::value(1))
            .filter(messages::Column::SessionId.eq(self.session))
            .filter(messages::Column::Id.eq(id))
            .exec(&self.db)
            .await;
        assert_eq!(done.unwrap().rows_affected, 1);
    }
}
