//! What the owner of a session may switch. Names are those of the contract.

use serde::{Deserialize, Serialize};

/// When the files of incoming messages are fetched from WhatsApp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Download {
    /// When somebody reads them.
    #[default]
    Lazy,
    /// Once the message is stored.
    Eager,
}

/// What the owner may switch. Names are those of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Pace what is sent: so many messages a minute, each text after a while of typing (`pacing` in the configuration).
    pub account_protection: bool,
    /// Keep what messages say. While it is off, the list of messages tells who wrote what kind where and when; events say it
    /// all, and are forgotten about an hour after every webhook has them. What was kept before stays.
    pub log_messages: bool,
    /// Mark incoming messages as read.
    pub read_incoming_messages: bool,
    /// Reject incoming calls.
    pub auto_reject_calls: bool,
    /// Appear online all the time.
    pub always_online: bool,
    /// Leave out messages of groups.
    pub ignore_groups: bool,
    /// Leave out status posts and broadcasts.
    pub ignore_broadcasts: bool,
    /// Leave out channels.
    pub ignore_channels: bool,
    /// Connect through this proxy and in no other way: `http://` or `socks5://`. Its password is not shown again.
    pub proxy_url: Option<String>,
    /// Answer what a person writes to this account alone with this, quoting it; each chat once a minute at most.
    pub auto_reply_text: Option<String>,
    /// Take over what the phone tells of the past when it links; what is switched off by then never comes.
    pub sync_history: bool,
    /// When the files of incoming messages are fetched: `lazy`, as somebody reads them, or `eager`, at once.
    pub download_media: Download,
    /// Whether the session may run.
    pub enabled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account_protection: false,
            log_messages: true,
            read_incoming_messages: false,
            auto_reject_calls: false,
            always_online: false,
            ignore_groups: false,
            ignore_broadcasts: false,
            ignore_channels: false,
            proxy_url: None,
            auto_reply_text: None,
            sync_history: true,
            download_media: Download::Lazy,
            enabled: true,
        }
    }
}
