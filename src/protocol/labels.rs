//! Labels: what an account sorts its chats by, on all of its devices.
//!
//! Called by `service` on a borrowed client.

use super::{AskError, client::Client};

impl Client {
    /// Makes a label, or gives it another name and colour.
    pub async fn save_label(&self, id: &str, name: &str, color: i32) -> Result<(), AskError> {
        let labels = self.inner.labels();
        self.ask(labels.create_label(id, name, color)).await
    }

    /// Deletes a label.
    pub async fn delete_label(&self, id: &str) -> Result<(), AskError> {
        let labels = self.inner.labels();
        self.ask(labels.delete_label(id)).await
    }
}
