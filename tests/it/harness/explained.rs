//! A connection that asks a database how it works a statement off, before it runs it.

use std::sync::Mutex;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

/// Asks for the plan of each statement before it runs it.
pub(crate) struct Explained<'a> {
    db: &'a DatabaseConnection,
    /// The tables that grow.
    large: &'a [&'a str],
    faults: Mutex<Vec<String>>,
    plans: Mutex<Vec<String>>,
}

impl<'a> Explained<'a> {
    pub(crate) fn new(db: &'a DatabaseConnection, large: &'a [&'a str]) -> Self {
        Self {
            db,
            large,
            faults: Mutex::default(),
            plans: Mutex::default(),
        }
    }

    /// How many statements were explained.
    pub(crate) fn asked(&self) -> usize {
        self.plans.lock().unwrap().len()
    }

    /// Statements that read a whole table, with their plans.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    /// The plan of each statement.
    pub(crate) fn plans(&self) -> Vec<String> {
        self.plans.lock().unwrap().clone()
    }

    /// The plan of the last statement.
    pub(crate) fn last(&self) -> String {
        self.plans().last().cloned().unwrap()
    }

    /// Of many statements, none has read a whole table.
    #[track_caller]
    pub(crate) fn assert_no_whole_table(&self) {
        let faults = self.faults();
        assert!(
            faults.is_empty(),
            "whole tables are read:\n{}",
            faults.join("\n")
        );
    }

    async fn explain(&self, statement: &Statement) {
        let word = match self.get_database_backend() {
            DbBackend::Sqlite => "EXPLAIN QUERY PLAN",
            _ => "EXPLAIN",
        };
        let question = Statement {
            sql: format!("{word} {}", statement.sql),
            ..statement.clone()
        };
        let plan = self.db.query_all_raw(question).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| self.step(row)).collect();
        self.plans.lock().unwrap().push(plan.join("\n"));
        if plan.iter().any(|step| self.reads_all(step)) {
            let fault = format!("{}\n    {}", statement.sql, plan.join("\n    "));
            self.faults.lock().unwrap().push(fault);
        }
    }

    /// A line of the plan: of MariaDB the kind of access and the table, of the others what they say.
    fn step(&self, row: &QueryResult) -> String {
        match self.get_database_backend() {
            DbBackend::Sqlite => row.try_get("", "detail").unwrap(),
            DbBackend::Postgres => row.try_get_by_index(0).unwrap(),
            _ => {
                let part = |name| row.try_get::<Option<String>>("", name).unwrap();
                let [access, table, key] = ["type", "table", "key"].map(part);
                let shown = |part: Option<String>| part.unwrap_or_default();
                format!("{} {} by {}", shown(access), shown(table), shown(key))
            }
        }
    }

    fn reads_all(&self, step: &str) -> bool {
        let of = |start: &str| {
            self.large
                .iter()
                .any(|table| step.contains(&format!("{start}{table}")))
        };
        match self.get_database_backend() {
            DbBackend::Sqlite => of("SCAN "),
            DbBackend::Postgres => of("Seq Scan on "),
            _ => of("ALL ") || of("index "),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Explained<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.explain(&statement).await;
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.explain(&statement).await;
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.explain(&statement).await;
        self.db.query_all_raw(statement).await
    }
}
