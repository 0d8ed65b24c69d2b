//! A disk with no space left.

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

#[tokio::test]
async fn a_transaction_that_found_the_disk_full_leaves_no_lock_behind() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("wharf.db").display());
    let db = wharf::db::connect(&url, 1).await.unwrap();
    db.execute_unprepared("CREATE TABLE box (content BLOB)")
        .await
        .unwrap();
    db.execute_unprepared("PRAGMA max_page_count = 8")
        .await
        .unwrap();
    let tx = wharf::db::begin(&db).await.unwrap();
    let full = tx
        .execute_unprepared("INSERT INTO box VALUES (zeroblob(1000000))")
        .await;
    assert!(full.unwrap_err().to_string().contains("full"));
    drop(tx);

    // SQLite has ended that transaction by itself. The next ones must be whole ones all the same.
    for _ in 0..3 {
        let tx = wharf::db::begin(&db).await.unwrap();
        tx.execute_unprepared("INSERT INTO box VALUES (1)")
            .await
            .unwrap();
        drop(tx);
    }
    let other = wharf::db::connect(&url, 1).await.unwrap();
    other
        .execute_unprepared("PRAGMA busy_timeout = 1000")
        .await
        .unwrap();
    let tx = other.begin().await.unwrap();
    tx.execute_unprepared("INSERT INTO box VALUES (2)")
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
