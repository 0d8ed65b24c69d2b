//! What is live ends with what it hangs on, in whatever process that is cut; what hangs on something else goes on.

use entity::{api_keys, ids::ApiKeyId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use wharf::lifecycle::Tasks;

use super::source::EventSource;
use crate::harness::app::{Caller, PASSWORD, Socket, TestApp, closed, frame, say};

async fn goes_on(socket: &mut Socket) {
    say(socket, r#"{"type":"ping"}"#).await;
    assert_eq!(frame(socket).await["type"], "pong");
}

async fn stream(app: &TestApp, caller: &Caller) -> EventSource {
    let mut source = EventSource::new(app.addr, caller, "/v1/sessions/sales/events");
    source.open().await;
    source.until_id().await;
    source
}

/// A key of the caller's, and its path.
async fn key(app: &TestApp, caller: &Caller, name: &str) -> (Caller, String) {
    let body = json!({"name": name, "scopes": ["sessions:read", "messages:read"]});
    let made = caller.post("/v1/api-keys", body).await.expect(201);
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    (app.stranger().bearer(made["key"].as_str().unwrap()), path)
}

/// Somebody with a link token of the session.
async fn link(app: &TestApp, owner: &Caller) -> Caller {
    let path = "/v1/sessions/sales/link-tokens";
    let made = owner.post(path, json!({"expires_in_s": 600})).await;
    let token = &made.expect(201)["token"];
    app.stranger().bearer(token.as_str().unwrap())
}

#[tokio::test]
async fn a_deleted_key_ends_what_is_live_on_it_and_on_no_other_credential() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let (gone, path) = key(&app, &ann, "gone").await;
    let (stays, _) = key(&app, &ann, "stays").await;
    let ticket = gone.post("/v1/ws-tickets", json!({})).await.expect(201);
    let by_ticket = format!("/ws?ticket={}", ticket["ticket"].as_str().unwrap());
    let mut ended = [
        gone.open("/ws/sales").await,
        gone.open("/ws").await,
        app.stranger().open(&by_ticket).await,
    ];
    let mut source = stream(&app, &gone).await;
    let mut stay = [stays.open("/ws/sales").await, ann.open("/ws").await];
    let mut other_source = stream(&app, &stays).await;
    ann.delete(&path).await.expect(204);
    for socket in &mut ended {
        assert_eq!(closed(socket).await.0, 4401);
    }
    assert_eq!(source.next().await, None);
    for socket in &mut stay {
        goes_on(socket).await;
    }
    let session = ann.get("/v1/sessions/sales").await.expect(200);
    app.emit(session["id"].as_str().unwrap(), "message", json!({}))
        .await;
    assert_eq!(other_source.next().await.unwrap().event, "message");
    let answer = gone.socket("/ws/sales").await.unwrap_err();
    answer.refused(401, "token_invalid");
}

#[tokio::test]
async fn a_ticket_of_a_key_that_is_deleted_before_it_is_used_opens_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (gone, path) = key(&app, &ann, "gone").await;
    let ticket = gone.post("/v1/ws-tickets", json!({})).await.expect(201);
    ann.delete(&path).await.expect(204);
    let by_ticket = format!("/ws?ticket={}", ticket["ticket"].as_str().unwrap());
    let answer = app.stranger().socket(&by_ticket).await.unwrap_err();
    answer.refused(401, "token_invalid");
}

#[tokio::test]
async fn a_sign_out_ends_its_own_sockets_and_one_of_everything_all_but_those_of_keys() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let here = app.log_in("ann").await;
    let by_here = app
        .stranger()
        .bearer(here["access_token"].as_str().unwrap());
    let (by_key, _) = key(&app, &ann, "stays").await;
    let mut first = by_here.open("/ws/sales").await;
    let mut second = ann.open("/ws/sales").await;
    let mut third = by_key.open("/ws/sales").await;
    let body = json!({"refresh_token": here["refresh_token"]});
    by_here.post("/v1/auth/logout", body).await.expect(204);
    assert_eq!(closed(&mut first).await.0, 4401);
    by_here.get("/v1/me").await.refused(401, "token_invalid");
    goes_on(&mut second).await;
    ann.post("/v1/auth/logout", json!({})).await.expect(204);
    assert_eq!(closed(&mut second).await.0, 4401);
    goes_on(&mut third).await;
}

#[tokio::test]
async fn a_changed_password_ends_the_sign_ins_and_a_deactivation_everything() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let (by_key, _) = key(&app, &ann, "stays").await;
    let by_link = link(&app, &ann).await;
    let bob = app.user("bob").await;
    let mut signed_in = ann.open("/ws").await;
    let mut others = [
        by_key.open("/ws/sales").await,
        by_link.open("/ws/sales").await,
    ];
    let mut stranger = bob.open("/ws").await;
    let body = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    ann.post("/v1/auth/change-password", body).await.expect(200);
    assert_eq!(closed(&mut signed_in).await.0, 4401);
    for socket in &mut others {
        goes_on(socket).await;
    }
    app.shut_out(&by_key).await;
    for socket in &mut others {
        assert_eq!(closed(socket).await.0, 4401);
    }
    goes_on(&mut stranger).await;
}

#[tokio::test]
async fn a_deleted_session_ends_what_is_about_it_alone() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let other = ann.session("other").await;
    let by_link = link(&app, &ann).await;
    let mut ended = [
        ann.open("/ws/sales").await,
        ann.open("/ws?sessions=sales").await,
        by_link.open("/ws").await,
    ];
    let mut source = stream(&app, &ann).await;
    let mut stay = [
        ann.open("/ws").await,
        ann.open("/ws?sessions=sales,other").await,
        ann.open("/ws/other").await,
    ];
    ann.delete("/v1/sessions/sales").await.expect(204);
    for socket in &mut ended {
        assert_eq!(closed(socket).await.0, 4404);
    }
    assert_eq!(source.next().await, None);
    app.emit(&other, "message", json!({})).await;
    for socket in &mut stay {
        assert_eq!(frame(socket).await["session"], other);
    }
    let answer = ann.socket("/ws/sales").await.unwrap_err();
    answer.refused(404, "session_not_found");
}

#[tokio::test]
async fn what_another_process_cuts_ends_here_with_the_next_look() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    ann.session("gone").await;
    let (deleted, path) = key(&app, &ann, "deleted").await;
    let (restricted, restricted_path) = key(&app, &ann, "restricted").await;
    let (expired, expired_path) = key(&app, &ann, "expired").await;
    let (stays, _) = key(&app, &ann, "stays").await;
    let link = link(&app, &ann).await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let mut ended = Vec::new();
    for caller in [&deleted, &restricted, &expired, &link, &bob, &eve, &ann] {
        ended.push(caller.open("/ws").await);
    }
    let mut about_gone = stays.open("/ws/gone").await;
    let mut stay = stays.open("/ws/sales").await;
    let mut source = stream(&app, &deleted).await;
    app.api.auth.look_again().await.unwrap();
    for socket in ended.iter_mut().chain([&mut about_gone, &mut stay]) {
        goes_on(socket).await;
    }

    let other = app.beside().await;
    let there = other.sign_in("ann").await;
    there.delete(&path).await.expect(204);
    there.delete("/v1/sessions/gone").await.expect(204);
    let admin = other.sign_in("admin").await;
    let user = |id: String| format!("/v1/users/{id}");
    let off = json!({"is_active": false});
    admin.patch(&user(bob.id().await), off).await.expect(200);
    let new = json!({"password": "another horse battery"});
    admin.patch(&user(eve.id().await), new).await.expect(200);
    let change = |path: &str, column, value: Expr| {
        let id: ApiKeyId = path.rsplit('/').next().unwrap().parse().unwrap();
        let update = api_keys::Entity::update_many().col_expr(column, value);
        update.filter(api_keys::Column::Id.eq(id))
    };
    let scopes = change(
        &restricted_path,
        api_keys::Column::Scopes,
        Expr::value("messages:read"),
    );
    scopes.exec(&other.db).await.unwrap();
    let end = change(
        &expired_path,
        api_keys::Column::ExpiresAt,
        Expr::value(1_i64),
    );
    end.exec(&other.db).await.unwrap();
    entity::link_tokens::Entity::delete_many()
        .exec(&other.db)
        .await
        .unwrap();
    there.post("/v1/auth/logout", json!({})).await.expect(204);

    app.api.auth.look_again().await.unwrap();
    for socket in &mut ended {
        assert_eq!(closed(socket).await.0, 4401);
    }
    assert_eq!(closed(&mut about_gone).await.0, 4404);
    assert_eq!(source.next().await, None);
    goes_on(&mut stay).await;
}

#[tokio::test]
async fn a_process_looks_again_by_itself() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (gone, path) = key(&app, &ann, "gone").await;
    let tasks = Tasks::new(&app.stop);
    let looking = app.api.auth.clone().serve(app.stop.clone());
    let looking = tasks.spawn("test.watch", looking);
    let mut ended = gone.open("/ws").await;
    let mut stays = ann.open("/ws").await;
    let other = app.beside().await;
    let there = other.sign_in("ann").await;
    there.delete(&path).await.expect(204);
    assert_eq!(closed(&mut ended).await.0, 4401);
    goes_on(&mut stays).await;
    app.stop.soft();
    looking.await.unwrap();
}

#[tokio::test]
async fn a_stop_tells_a_reader_that_is_catching_up_where_it_is() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let filler = "x".repeat(64 * 1024);
    for n in 1..=400 {
        let data = json!({"n": n, "filler": filler});
        app.emit(&session, "message", data).await;
    }
    let mut socket = ann.open("/ws/sales?since=100").await;
    assert_eq!(frame(&mut socket).await["seq"], 101);
    app.stop.soft();
    let mut last = 101;
    let reason = loop {
        use futures_util::StreamExt as _;
        use tokio_tungstenite::tungstenite::Message;
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let told: Value = serde_json::from_str(&text).unwrap();
                last = told["seq"].as_i64().unwrap();
            }
            Message::Close(Some(close)) => break close,
            _ => {}
        }
    };
    assert_eq!(u16::from(reason.code), 1012);
    assert!(
        reason.reason.ends_with(&format!("last_seq={last}")),
        "{reason:?}"
    );
}
