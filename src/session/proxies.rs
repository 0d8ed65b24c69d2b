//! The proxies that sessions connect through: sealed in the database, opened for a run.
//!
//! Owns what of a proxy is shown. Must never let a session that has one connect without it. `service::sessions` takes
//! them in, the manager opens them.

use std::sync::Arc;

use entity::{ids::SessionId, sessions};

use crate::{
    domain::session::Settings,
    egress::{Egress, EgressError, Proxy, Route},
    protocol::Way,
    seal::{Master, SealError, Sealer},
};

/// A proxy as the database keeps it.
#[derive(Debug)]
pub struct Kept {
    /// Without its password.
    pub shown: String,
    /// Whole.
    pub sealed: Vec<u8>,
}

/// A proxy was not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It is none, or is where nothing may be sent.
    #[error(transparent)]
    Refused(#[from] EgressError),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Takes proxies in and opens them.
#[derive(Debug, Clone)]
pub struct Proxies {
    egress: Egress,
    sealer: Sealer,
}

impl Proxies {
    pub(super) fn new(egress: Egress, master: &Arc<Master>) -> Self {
        Self {
            egress,
            sealer: Sealer::new(Arc::clone(master), "sessions.proxy"),
        }
    }

    /// The proxy in `text` for `session`, if it may be reached.
    pub async fn keep(&self, session: SessionId, text: &str) -> Result<Kept, KeepError> {
        let proxy = self.egress.proxy(text)?;
        self.egress.route(proxy.clone()).resolves().await?;
        Ok(Kept {
            shown: proxy.shown(),
            sealed: self
                .sealer
                .seal(session.uuid(), proxy.expose().as_bytes())?,
        })
    }

    /// The way through the proxy in `text`. Its address is checked when it connects.
    pub(super) fn route(&self, text: &str) -> Result<Route, EgressError> {
        let proxy = self.egress.proxy(text)?;
        Ok(self.egress.route(proxy))
    }

    /// The way to WhatsApp of the session of `row`.
    pub(super) fn way(&self, row: &sessions::Model, settings: &Settings) -> Way {
        let Some(sealed) = &row.proxy_sealed else {
            return match settings.proxy_url {
                None => Way::Direct,
                Some(_) => Way::Closed,
            };
        };
        let opened = self.sealer.open(row.id.uuid(), sealed).ok();
        let text = opened.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
        match text.and_then(|text| Proxy::parse(&text).ok()) {
            Some(proxy) => Way::Through(self.egress.route(proxy)),
            None => Way::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::{enums::SessionState, ids::UserId};

    use super::*;

    fn proxies(master: u8) -> Proxies {
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        Proxies::new(egress, &Arc::new(Master::from_bytes([master; 32])))
    }

    fn row(proxy_sealed: Option<Vec<u8>>) -> sessions::Model {
        sessions::Model {
            id: SessionId(uuid::Uuid::nil()),
            owner_id: UserId::new(),
            handle: "sales".to_owned(),
            name: None,
            phone: None,
            lid: None,
            push_name: None,
            state: SessionState::Disconnected,
            reason: None,
            metadata: "{}".to_owned(),
            settings: "{}".to_owned(),
            created_at: 0,
            updated_at: 0,
            connected_at: None,
            proxy_sealed,
        }
    }

    #[tokio::test]
    async fn a_session_with_a_proxy_that_cannot_be_opened_does_not_go_round_it() {
        let session = row(None).id;
        let text = "socks5://user:word@127.0.0.1:1080";
        let kept = proxies(1).keep(session, text).await.unwrap();
        assert_eq!(kept.shown, "socks5://user:***@127.0.0.1:1080");
        let settings = Settings {
            proxy_url: Some(kept.shown),
            ..Settings::default()
        };
        let whole = row(Some(kept.sealed));
        assert!(matches!(proxies(1).way(&whole, &settings), Way::Through(_)));
        assert!(matches!(proxies(2).way(&whole, &settings), Way::Closed));
        assert!(matches!(proxies(1).way(&row(None), &settings), Way::Closed));
        let none = Settings::default();
        assert!(matches!(proxies(1).way(&row(None), &none), Way::Direct));
    }

    #[tokio::test]
    async fn a_proxy_inside_is_not_taken() {
        let refused = proxies(1).keep(row(None).id, "http://10.0.0.1:3128").await;
        assert!(matches!(refused, Err(KeepError::Refused(_))));
    }
}
