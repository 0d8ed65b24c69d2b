//! Where a request may not go.

use entity::ids::EventId;
use wharf::service::Error;

use super::desk::{Desk, new_endpoint};
use crate::harness::receiver::{Receiver, Reply};

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

/// An address of each range that is refused, and what it is called. Loopback is left out: the tests allow it.
const REFUSED: [(&str, &str); 31] = [
    ("0.0.0.0", "this-network"),
    ("10.255.255.255", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("169.254.169.254", "link-local"),
    ("172.16.0.1", "private"),
    ("192.0.0.8", "protocol-assigned"),
    ("192.0.2.7", "documentation"),
    ("192.88.99.1", "6to4"),
    ("192.168.1.1", "private"),
    ("198.18.0.1", "benchmarking"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "this-network"),
    ("::1", "loopback"),
    ("::ffff:10.0.0.1", "private"),
    ("64:ff9b::a00:1", "NAT64"),
    ("64:ff9b:1::1", "NAT64"),
    ("100::1", "reserved"),
    ("2001::1", "Teredo"),
    ("2001:2::1", "benchmarking"),
    ("2001:db8::1", "documentation"),
    ("2002:a00:1::", "6to4"),
    ("3fff::1", "documentation"),
    ("5f00::1", "segment-routing"),
    ("fd00::1", "unique local"),
    ("fe80::1", "link-local"),
    ("fec0::1", "unique local"),
    ("ff02::1", "multicast"),
];

fn literal(address: &str) -> String {
    if address.contains(':') {
        format!("http://[{address}]:8080/")
    } else {
        format!("http://{address}:8080/")
    }
}

#[tokio::test]
async fn every_refused_range_is_refused_as_a_literal_and_behind_a_name() {
    let desk = Desk::start().await;
    for (number, (address, range)) in REFUSED.into_iter().enumerate() {
        let (code, detail) = refused(&desk, &literal(address)).await;
        assert_eq!(code, "address_refused", "{address}");
        assert!(detail.contains(range), "{address}: {detail}");

        let name = format!("name-{number}.example");
        desk.names.set(&name, &[address]);
        let (code, detail) = refused(&desk, &format!("https://{name}/")).await;
        assert_eq!(code, "address_refused", "{address}");
        assert!(detail.contains(range), "{address}: {detail}");
    }
}

#[tokio::test]
async fn every_refused_range_is_refused_when_a_name_is_rebound_to_it() {
    let mut desk = Desk::start().await;
    let mut ids = Vec::new();
    for (number, (address, _)) in REFUSED.into_iter().enumerate() {
        let name = format!("rebind-{number}.example");
        desk.names.set(&name, &["93.184.215.14", address]);
        let (id, _) = desk.endpoint(&format!("http://{name}/")).await;
        ids.push(id);
    }
    let event = desk.event().await;
    assert_eq!(desk.deliver().await.failed, REFUSED.len());
    for (id, (address, range)) in ids.into_iter().zip(REFUSED) {
        let error = error_of(&desk, id, event).await;
        assert!(error.starts_with("address_refused:"), "{address}: {error}");
        assert!(error.contains(range), "{address}: {error}");
        // Nor does a test request get there.
        let trial = desk.webhooks.test(&desk.ctx, id).await.unwrap();
        assert!(!trial.delivered);
        assert_eq!(trial.error, Some(error));
    }
}

async fn error_of(desk: &Desk, endpoint: entity::ids::EndpointId, event: EventId) -> String {
    let list = desk
        .webhooks
        .deliveries(&desk.ctx, endpoint, None, None, 1)
        .await
        .unwrap();
    assert_eq!(list[0].event, event);
    list[0].last_error.clone().unwrap()
}

#[tokio::test]
async fn no_redirect_leads_anywhere_however_it_is_spelled() {
    let target = Receiver::start().await;
    for status in [301, 302, 303, 307, 308] {
        let mut desk = Desk::start().await;
        let to_target = Reply::Header(status, "location", target.url());
        let receiver = Receiver::start().await.always(to_target);
        let (id, _) = desk.endpoint(&receiver.url()).await;
        let event = desk.event().await;
        assert_eq!(desk.deliver().await.failed, 1);
        let error = error_of(&desk, id, event).await;
        assert!(error.starts_with("redirect:"), "{status}: {error}");
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_changed_url_is_judged_like_a_new_one() {
    let desk = Desk::start().await;
    let (id, _) = desk.endpoint("http://127.0.0.1:9/").await;
    let patch = wharf::service::webhooks::EndpointPatch {
        url: Some("http://169.254.169.254/".to_owned()),
        ..Default::default()
    };
    match desk.webhooks.update(&desk.ctx, id, patch).await {
        Err(Error::Invalid { code, .. }) => assert_eq!(code, "address_refused"),
        other => panic!("{other:?}"),
    }
}
