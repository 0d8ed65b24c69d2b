//! Small numbers in place of ids: given once, one after the other, on each database.

use std::collections::BTreeSet;

use entity::ids::UserId;
use wharf::service::numbers::Numbers;

use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(each_subject_has_one_number_however_many_ask_at_once);

async fn each_subject_has_one_number_however_many_ask_at_once(test: TestDb) {
    let numbers = Numbers::new(test.db.clone());
    let first = UserId::new();
    assert_eq!(numbers.of_user(first).await.unwrap(), 1);
    let (one, two, three) = (UserId::new(), UserId::new(), UserId::new());
    let asked = tokio::join!(
        numbers.of_user(one),
        numbers.of_user(two),
        numbers.of_user(three),
        numbers.of_user(one),
    );
    let one_again = asked.3.unwrap();
    let given = [asked.0.unwrap(), asked.1.unwrap(), asked.2.unwrap()];
    assert_eq!(given[0], one_again);
    assert_eq!(BTreeSet::from(given), BTreeSet::from([2, 3, 4]));
    assert_eq!(numbers.of_user(first).await.unwrap(), 1, "it stays");
}
