//! Where a request may not go.

use wharf::service::Error;

use super::desk::{Desk, new_endpoint};
use crate::harness::receiver::Receiver;

async fn refused(desk: &Desk, url: &str) -> (&'static str, String) {
    match desk.webhooks.create(&desk.ctx, new_endpoint(url)).await {
        Err(Error::Invalid { code, faults }) => {
            assert_eq!(faults[0].pointer, "/url");
            (code, faults[0].detail.clone())
        }
        other => panic!("{url} was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_private_address_is_refused_when_it_is_written_down() {
    let desk = Desk::start().await;
    for (url, named) in [
        ("http://10.0.0.1/", "private"),
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("http://[fd00::1]/", "unique local"),
        ("http://[64:ff9b::a00:1]/", "NAT64"),
    ] {
        let (code, detail) = refused(&desk, url).await;
        assert_eq!(code, "address_refused", "{url}");
        assert!(detail.contains(named), "{url}: {detail}");
    }
    assert_eq!(refused(&desk, "ftp://example.com/").await.0, "url_scheme");
    assert_eq!(
        refused(&desk, "http://a:b@example.com/").await.0,
        "url_userinfo"
    );
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_written_down() {
    let desk = Desk::start().await;
    desk.names.set("intranet.example", &["192.168.1.1"]);
    let (code, detail) = refused(&desk, "http://intranet.example/").await;
    assert_eq!(code, "address_refused");
    assert!(detail.contains("192.168.1.1"), "{detail}");
}

#[tokio::test]
async fn a_name_that_turns_private_later_is_refused_with_a_reason_on_every_attempt() {
    let mut desk = Desk::start().await;
    desk.names
        .set("rebind.example", &["93.184.215.14", "10.0.0.7"]);
    desk.endpoint("http://rebind.example/").await;
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.failed, 1);
    let error = desk.delivery(event).await.last_error.unwrap();
    assert_eq!(
        error,
        "address_refused: 10.0.0.7 is a private address, which is not allowed"
    );
    let attempt = desk.attempts().await.remove(0);
    assert_eq!((attempt.status, attempt.error), (None, Some(error)));
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let mut desk = Desk::start().await;
    let receiver = Receiver::start().await;
    // Written down it is one address, at the request it is the receiver's.
    desk.names
        .set("hook.example", &["93.184.215.14", "127.0.0.1"]);
    desk.endpoint(&format!("http://hook.example:{}/hook", receiver.port()))
        .await;
    desk.event().await;
    assert_eq!(desk.deliver().await.delivered, 1);
    let host = receiver.seen().remove(0).header("host").to_owned();
    assert_eq!(host, format!("hook.example:{}", receiver.port()));
}

#[tokio::test]
async fn a_name_without_an_address_fails_with_a_name() {
    let mut desk = Desk::start().await;
    desk.endpoint("http://nowhere.example/").await;
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.failed, 1);
    let error = desk.delivery(event).await.last_error.unwrap();
    assert!(error.starts_with("dns:"), "{error}");
}
