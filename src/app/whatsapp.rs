//! Where WhatsApp is: the real one, a sandbox in another process, or one in this process.

use crate::{app::Error, config::Config};

/// The real one.
#[cfg(not(feature = "sandbox"))]
const LIVE: &str = "wss://web.whatsapp.com/ws/chat";
/// What a sandbox is told; it takes any version.
const SANDBOX_VERSION: (u32, u32, u32) = (2, 3000, 1_023_000_000);

/// WhatsApp, as this process reaches it.
#[derive(Debug)]
pub(super) struct WhatsApp {
    url: String,
    sandbox: bool,
    #[cfg(feature = "sandbox")]
    embedded: Option<wharf_sandbox::Sandbox>,
}

impl WhatsApp {
    #[cfg(feature = "sandbox")]
    pub(super) async fn start(config: &Config) -> Result<Self, Error> {
        if let Some(url) = &config.sandbox.url {
            return Ok(Self {
                url: url.to_string(),
                sandbox: true,
                embedded: None,
            });
        }
        let sandbox = wharf_sandbox::Sandbox::start(wharf_sandbox::Config {
            listen: config.sandbox.listen,
            data: Some(config.data.dir.join("sandbox")),
            ..wharf_sandbox::Config::default()
        })
        .await
        .map_err(|error| Error::Sandbox(Box::new(error)))?;
        Ok(Self {
            url: sandbox.ws_url(),
            sandbox: true,
            embedded: Some(sandbox),
        })
    }

    #[cfg(not(feature = "sandbox"))]
    #[expect(
        clippy::unused_async,
        reason = "the sandbox build's twin waits for its sandbox"
    )]
    pub(super) async fn start(config: &Config) -> Result<Self, Error> {
        Ok(match &config.sandbox.url {
            Some(url) => Self {
                url: url.to_string(),
                sandbox: true,
            },
            None => Self {
                url: LIVE.to_owned(),
                sandbox: false,
            },
        })
    }

    /// The WhatsApp socket.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The version to claim; the real WhatsApp is asked for its current one.
    pub(super) fn version(&self) -> Option<(u32, u32, u32)> {
        self.sandbox.then_some(SANDBOX_VERSION)
    }

    /// The control API of the sandbox, in a sandbox build.
    pub(super) fn control_url(&self) -> Option<url::Url> {
        if !cfg!(feature = "sandbox") {
            return None;
        }
        let mut url = url::Url::parse(&self.url).ok()?;
        let scheme = if url.scheme() == "wss" {
            "https"
        } else {
            "http"
        };
        url.set_scheme(scheme).ok()?;
        url.set_path("/sandbox/");
        Some(url)
    }

    pub(super) async fn stop(self) {
        #[cfg(feature = "sandbox")]
        if let Some(sandbox) = self.embedded {
            sandbox.stop().await;
        }
        #[cfg(not(feature = "sandbox"))]
        std::future::ready(()).await;
    }
}
