//! Calls that ring: which there are, and how one is rejected.
//!
//! Must never take a call: this service has no voice.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use wacore::types::{call::CallAction, events::Event as WaEvent};
use wacore_binary::Jid;

use super::{AskError, News, client::Client};
use crate::domain::event::{CallData, Event};

/// Calls that are remembered; more at once push the oldest out.
const REMEMBERED: usize = 64;

/// Calls that can be rejected, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Ringing(Mutex<VecDeque<Call>>);

#[derive(Debug, Clone)]
struct Call {
    id: String,
    peer: Jid,
    creator: Jid,
    event: Arc<WaEvent>,
}

impl Ringing {
    /// Remembers a call that rings, and forgets one that does not any more.
    pub(super) fn note(&self, event: &Arc<WaEvent>) {
        let (id, rings) = match &**event {
            WaEvent::IncomingCall(call) => match &call.action {
                CallAction::Offer { call_id, .. } | CallAction::OfferNotice { call_id, .. } => {
                    let call = Call {
                        id: call_id.clone(),
                        peer: call.from.clone(),
                        creator: call.action.call_creator().clone(),
                        event: Arc::clone(event),
                    };
                    (call_id, Some(call))
                }
                CallAction::Terminate { call_id, .. } => (call_id, None),
                _ => return,
            },
            WaEvent::CallEndedElsewhere(call) => (&call.call_id, None),
            _ => return,
        };
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|known| known.id != *id);
        if let Some(call) = rings {
            if calls.len() == REMEMBERED {
                calls.pop_front();
            }
            calls.push_back(call);
        }
    }

    fn find(&self, id: &str) -> Option<Arc<WaEvent>> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let call = calls.iter().find(|call| call.id == id)?;
        Some(Arc::clone(&call.event))
    }

    fn take(&self, id: &str) -> Option<Call> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = calls.iter().position(|call| call.id == id)?;
        calls.remove(at)
    }
}

impl Client {
    /// A call that rings.
    pub async fn ringing(&self, call_id: &str) -> Option<CallData> {
        let news = News(self.bridge.ringing.find(call_id)?);
        match self.read(&news).await {
            Some(Event::Call(call)) => Some(call),
            _ => None,
        }
    }

    /// Rejects a call; false if no such call rings.
    pub async fn reject_call(&self, call_id: &str) -> Result<bool, AskError> {
        let Some(call) = self.bridge.ringing.take(call_id) else {
            return Ok(false);
        };
        let voip = self.inner.voip();
        let rejecting = voip.reject_call(&call.id, &call.peer, &call.creator);
        self.ask(rejecting).await.map(|()| true)
    }
}
