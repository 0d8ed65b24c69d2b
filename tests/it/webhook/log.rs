//! The log and its deliveries: retention takes the old end of a log, but nothing that is still to be told.

use std::{sync::Arc, time::Duration};

use entity::{
    enums::DeliveryState,
    events,
    ids::{EventId, SessionId},
    sessions,
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use wharf::{
    db,
    domain::{
        clock::{Clock, rfc3339},
        session::Settings,
    },
    events::retention::{Keep, Retention, Swept},
    service::Error,
};

use super::desk::Desk;
use crate::harness::{
    databases::{TestDb, on_each_engine},
    receiver::{Receiver, Reply},
};

const DAY: Duration = Duration::from_hours(24);

/// Thirty days, a hundred thousand events.
const KEEP: Keep = Keep {
    days: 30,
    count: 100_000,
};

fn retention(desk: &Desk, keep: Keep) -> Retention {
    let clock: Arc<dyn Clock> = desk.clock.clone();
    Retention::new(desk.test.db.clone(), clock, keep)
}

async fn sweep(desk: &Desk, keep: Keep) -> (u64, u64) {
    let Swept { events, held } = retention(desk, keep).sweep().await.unwrap();
    (events, held)
}

/// The numbers that the log of `session` holds.
async fn held(desk: &Desk, session: SessionId) -> Vec<i64> {
    events::Entity::find()
        .select_only()
        .column(events::Column::Seq)
        .filter(events::Column::SessionId.eq(session))
        .order_by_asc(events::Column::Seq)
        .into_tuple()
        .all(&desk.test.db)
        .await
        .unwrap()
}

async fn an_old_event_goes_and_a_young_one_stays_with_all_that_follow(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let other = desk.new_session("second").await;
    desk.event().await;
    desk.event().await;
    desk.event_of(other, "message").await;
    let start = desk.clock.now_ms();
    desk.clock.advance(2 * DAY);
    desk.event().await;
    // The clock of the machine was set back: an old time behind a young one.
    desk.clock.set(start);
    desk.event().await;
    desk.clock.advance(30 * DAY);
    assert_eq!(sweep(&desk, KEEP).await, (0, 0), "nothing is older");
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(sweep(&desk, KEEP).await, (3, 0));
    assert_eq!(held(&desk, desk.session).await, [3, 4]);
    assert!(held(&desk, other).await.is_empty(), "all of it was old");
    assert_eq!(sweep(&desk, KEEP).await, (0, 0));
}

async fn a_long_log_keeps_its_last_events_however_young_the_first_are(test: TestDb) {
    const EVENTS: i64 = 1_234;
    let desk = Desk::on(test).await;
    let rows = (1..=EVENTS).map(|seq| events::Model {
        session_id: desk.session,
        seq,
        id: EventId::new(),
        owner_id: desk.ctx.owner(),
        event_type: "message".into(),
        payload: "{}".into(),
        created_at: desk.clock.now_ms(),
    });
    let tx = db::begin(&desk.test.db).await.unwrap();
    let mut script = db::Script::new(sea_orm::ConnectionTrait::get_database_backend(&*tx));
    db::events::insert(&mut script, rows.collect());
    assert!(script.run(&tx).await.unwrap());
    tx.commit().await.unwrap();
    let keep = Keep { count: 34, ..KEEP };
    assert_eq!(sweep(&desk, keep).await, (1_200, 0));
    let kept: Vec<i64> = (1_201..=EVENTS).collect();
    assert_eq!(held(&desk, desk.session).await, kept);
}

async fn an_event_that_a_delivery_waits_for_stays_with_all_that_follow(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let replies = [Reply::Status(200), Reply::Status(500), Reply::Status(200)];
    let receiver = Receiver::start().await.answering(replies);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    let waits = desk.event().await;
    desk.event().await;
    desk.deliver().await;
    assert_eq!(desk.delivery(waits).await.state, DeliveryState::Pending);
    desk.clock.advance(31 * DAY);
    assert_eq!(sweep(&desk, KEEP).await, (1, 1));
    assert_eq!(held(&desk, desk.session).await, [2, 3]);
    assert_eq!(sweep(&desk, KEEP).await, (0, 1));
    assert_eq!(desk.deliver().await.delivered, 1, "late, but not lost");
    assert_eq!(sweep(&desk, KEEP).await, (2, 0));
    assert!(held(&desk, desk.session).await.is_empty());
}

async fn a_log_of_a_session_that_keeps_no_texts_is_forgotten_after_an_hour(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let other = desk.new_session("second").await;
    let unkept = Settings {
        log_messages: false,
        ..Settings::default()
    };
    let row = sessions::ActiveModel {
        id: Unchanged(desk.session),
        settings: Set(serde_json::to_string(&unkept).unwrap()),
        ..Default::default()
    };
    sessions::Entity::update(row)
        .exec(&desk.test.db)
        .await
        .unwrap();
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(500), Reply::Status(200)]);
    desk.endpoint(&receiver.url()).await;
    desk.event().await;
    desk.deliver().await;
    desk.event_of(other, "message").await;
    desk.clock.advance(Duration::from_hours(1));
    assert_eq!(sweep(&desk, KEEP).await, (0, 0), "an hour is not over");
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(
        sweep(&desk, KEEP).await,
        (0, 1),
        "its webhook does not have it yet"
    );
    desk.deliver().await;
    assert_eq!(sweep(&desk, KEEP).await, (1, 0));
    assert!(held(&desk, desk.session).await.is_empty());
    assert_eq!(held(&desk, other).await.len(), 1);
}

async fn what_is_asked_for_again_while_retention_looks_is_not_taken(test: TestDb) {
    // Often enough that both come first, and each waits in the middle of the other.
    const ROUNDS: u64 = 25;
    let mut desk = Desk::on(test).await;
    let receiver = Receiver::start().await;
    desk.endpoint(&receiver.url()).await;
    for _ in 0..ROUNDS {
        let event = desk.event().await;
        desk.deliver().await;
        desk.clock.advance(31 * DAY);
        let delivery = desk.delivery(event).await.id;
        let (again, swept) = tokio::join!(
            desk.webhooks.redeliver(&desk.ctx, delivery),
            sweep(&desk, KEEP)
        );
        match again {
            Ok(_) => {
                assert_eq!(swept, (0, 1));
                assert_eq!(desk.deliver().await.delivered, 1);
                assert_eq!(sweep(&desk, KEEP).await, (1, 0));
            }
            Err(Error::Conflict { code, .. }) => {
                assert_eq!((code, swept), ("event_gone", (1, 0)));
                assert_eq!(desk.delivery(event).await.state, DeliveryState::Delivered);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

async fn what_the_log_has_lost_cannot_be_delivered_again_and_that_is_said(test: TestDb) {
    let mut desk = Desk::on(test).await;
    let replies = [
        Reply::Status(410),
        Reply::Status(410),
        Reply::Status(200),
        Reply::Status(200),
    ];
    let receiver = Receiver::start().await.answering(replies);
    let (id, _) = desk.endpoint(&receiver.url()).await;
    let start = desk.clock.now_ms();
    let mut dead = Vec::new();
    for _ in 0..2 {
        dead.push(desk.event().await);
        desk.deliver().await;
        // Each 410 disables it.
        desk.webhooks.enable(&desk.ctx, id).await.unwrap();
        desk.clock.advance(DAY);
    }
    let young = desk.clock.now_ms() - 86_400_000;
    // Each of the two events has another behind it, which tells that the endpoint was disabled.
    let keep = Keep { count: 2, ..KEEP };
    assert_eq!(sweep(&desk, keep).await, (2, 0));

    let gone = desk.delivery(dead[0]).await;
    match desk.webhooks.redeliver(&desk.ctx, gone.id).await {
        Err(Error::Conflict { code, .. }) => assert_eq!(code, "event_gone"),
        other => panic!("{other:?}"),
    }
    let state = DeliveryState::Dead;
    let again = desk.webhooks.replay_ended(&desk.ctx, id, state, None, None);
    let again = again.await.unwrap();
    assert_eq!((again.count, again.gone, again.more), (1, 1, false));
    assert_eq!(desk.deliver().await.delivered, 1);
    assert_eq!(desk.delivery(dead[0]).await, gone, "it stays as it was");

    let all = desk.webhooks.replay(&desk.ctx, id, Some(start), None);
    let all = all.await.unwrap();
    assert_eq!(all.queued, 2);
    assert_eq!(all.gone_before.map(rfc3339), Some(rfc3339(young)));
    assert_eq!(desk.deliver().await.delivered, 2);
    let rest = desk.webhooks.replay(&desk.ctx, id, Some(young), None);
    let rest = rest.await.unwrap();
    assert_eq!((rest.queued, rest.gone_before), (2, None));
    assert_eq!(receiver.seen().len(), 5);
}

on_each_engine!(
    an_old_event_goes_and_a_young_one_stays_with_all_that_follow,
    a_long_log_keeps_its_last_events_however_young_the_first_are,
    an_event_that_a_delivery_waits_for_stays_with_all_that_follow,
    a_log_of_a_session_that_keeps_no_texts_is_forgotten_after_an_hour,
    what_is_asked_for_again_while_retention_looks_is_not_taken,
    what_the_log_has_lost_cannot_be_delivered_again_and_that_is_said,
);
