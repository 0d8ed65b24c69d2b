//! Questions over `w:mex`: persisted queries by number, variables and answers as JSON.
//!
//! Called by what is asked that way: channels, and the groups of communities.

use anyhow::Context as _;
use serde_json::Value;
use wacore::{
    iq::{
        mex::{MexDoc, MexQuerySpec, MexResponse},
        spec::IqSpec,
    },
    request::InfoQuery,
};
use wacore_binary::{NodeContentRef, NodeRef};

use super::{AskError, client::Client};

impl Client {
    /// Asks the query of this name and number.
    pub(super) async fn mex(
        &self,
        query: (&'static str, &'static str),
        variables: &Value,
    ) -> Result<Value, AskError> {
        let question = Mex::new(query, variables);
        let question = question.map_err(|error| AskError::Refused(Box::new(error)))?;
        let answer = self.ask(self.inner.execute(question)).await?;
        answer.map_err(AskError::denied)
    }
}

/// The library makes a text of refusals; here they keep their codes.
struct Mex(MexQuerySpec);

impl Mex {
    fn new(
        (name, id): (&'static str, &'static str),
        variables: &Value,
    ) -> Result<Self, serde_json::Error> {
        MexQuerySpec::new(MexDoc { name, id }, variables).map(Self)
    }
}

impl IqSpec for Mex {
    type Response = Result<Value, u16>;

    fn build_iq(&self) -> InfoQuery<'static> {
        self.0.build_iq()
    }

    fn parse_response(&self, response: &NodeRef<'_>) -> Result<Self::Response, anyhow::Error> {
        let result = response.get_optional_child("result");
        let result = result.context("an answer without a result")?;
        let answer: MexResponse = match result.content.as_ref() {
            Some(NodeContentRef::Bytes(bytes)) => serde_json::from_slice(bytes)?,
            Some(NodeContentRef::String(text)) => serde_json::from_str(text)?,
            _ => anyhow::bail!("an answer that is no text"),
        };
        if let Some(fatal) = answer.fatal_error() {
            let code = fatal.error_code().and_then(|code| u16::try_from(code).ok());
            return Ok(Err(code.unwrap_or(500)));
        }
        Ok(Ok(answer.data.unwrap_or_default()))
    }
}
