//! Keep-alive: the client asks, the server is there.

use crate::dispatch::{ANY_CHILD, Answer, HandlerTable};

pub(crate) fn register(table: &mut HandlerTable) {
    table.iq("w:p", ANY_CHILD, |_, _, _| Answer::empty());
    table.iq("urn:xmpp:ping", ANY_CHILD, |_, _, _| Answer::empty());
}
