//! The API as a client sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

/// Longer than the service's own limits: its fault should be heard, not ours.
const TIMEOUT: Duration = Duration::from_secs(65);

/// As whom to call.
#[derive(Debug, Clone)]
pub(in crate::cli) enum Credential {
    /// An API key.
    Key(String),
    /// The body of a login; it is said again when the token ends.
    Login(Value),
}

/// A signed-in client.
#[derive(Debug)]
pub(in crate::cli) struct Api {
    base: String,
    client: Client,
    token: Option<String>,
    login: Option<Value>,
}

impl Api {
    pub(in crate::cli) fn new(base: String) -> Result<Self> {
        // The builder asks for a provider even where everything is plain HTTP; a second install is refused, and fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
            token: None,
            login: None,
        })
    }

    pub(in crate::cli) async fn sign_in(&mut self, credential: Credential) -> Result<()> {
        match credential {
            Credential::Key(key) => self.token = Some(key),
            Credential::Login(login) => {
                self.login = Some(login);
                self.renew().await?;
            }
        }
        Ok(())
    }

    /// A fresh access token; a key needs none.
    pub(in crate::cli) async fn renew(&mut self) -> Result<()> {
        let Some(login) = &self.login else {
            return Ok(());
        };
        let answer = self.post("/v1/auth/login", login).await?;
        let token = super::text(&answer, "/access_token")?;
        self.token = Some(token.to_owned());
        Ok(())
    }

    /// The address and the token of a socket.
    pub(in crate::cli) fn socket(&self, path: &str) -> Result<(String, &str)> {
        let rest = self
            .base
            .strip_prefix("http")
            .context("the service's URL must begin with http")?;
        let token = self.token.as_deref().context("nobody has signed in")?;
        Ok((format!("ws{rest}{path}"), token))
    }

    pub(in crate::cli) async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(in crate::cli) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(in crate::cli) async fn delete(&self, path: &str) -> Result<()> {
        self.call(Method::DELETE, path, None).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let what = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("{what}: no answer; is the service running?"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| what.clone())?;
        if status == StatusCode::NO_CONTENT || (status.is_success() && text.is_empty()) {
            return Ok(Value::Null);
        }
        let answer: Value = serde_json::from_str(&text)
            .with_context(|| format!("{what} answered {status} with something that is no JSON"))?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = answer["detail"].as_str().unwrap_or(&text);
        bail!("{what} answered {status}: {detail}")
    }
}
