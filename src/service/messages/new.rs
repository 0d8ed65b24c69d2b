//! A message to be sent, and what it may hold.
//!
//! Owns the limits of each kind, WhatsApp's own where it has one. Each refusal names its field.

use std::time::Duration;

mod filed;
mod occasion;

pub use self::filed::Shown;
use self::occasion::check_event;
use super::{Error, Fault, MAX_WAIT};
use crate::domain::{
    address::Address,
    message::{Attached, Card, Contact, Content, LinkPreview, Location, Poll},
};
use crate::service::media::{self, File};

/// The longest text, in characters: WhatsApp's own limit.
pub(in crate::service) const MAX_TEXT: usize = 65_536;
/// The longest text below a file, in characters.
const MAX_CAPTION: usize = 4096;
/// The longest name of a place, a person or an option.
const MAX_NAME: usize = 255;
/// The longest description, address or link.
const MAX_LINE: usize = 2048;
/// The most people that one message mentions: no group has more.
const MAX_MENTIONS: usize = 1024;
/// The most cards of one message.
const MAX_CARDS: usize = 257;
/// How many options a poll has.
const POLL_OPTIONS: std::ops::RangeInclusive<usize> = 2..=12;
/// The longest option, in characters.
const MAX_OPTION: usize = 100;
/// After how long messages can disappear: a day, a week, 90 days.
const EXPIRIES: [u32; 3] = [86_400, 604_800, 7_776_000];

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Where to.
    pub to: Address,
    /// What it says.
    pub content: Content,
    /// Who gets it, when it is a status post.
    pub recipients: Vec<Address>,
    /// The message that it answers, by WhatsApp's id or ours.
    pub reply_to: Option<String>,
    /// Who is mentioned.
    pub mentions: Vec<Address>,
    /// What is shown of a page that it links to.
    pub link_preview: Option<LinkPreview>,
    /// After how many seconds it disappears.
    pub expires_in_s: Option<u32>,
    /// It can be opened once.
    pub view_once: bool,
    /// Of a film: a picture of which a small one is shown before it has come.
    pub thumbnail: Option<Vec<u8>>,
    /// It was written elsewhere and is handed on.
    pub forwarded: bool,
    /// Two with the same key are one message.
    pub key: Option<String>,
    /// How long the caller waits for the server's answer.
    pub wait: Duration,
}

impl NewMessage {
    /// A message without anything but its content.
    pub const fn of(to: Address, content: Content) -> Self {
        Self {
            to,
            content,
            recipients: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            link_preview: None,
            expires_in_s: None,
            view_once: false,
            thumbnail: None,
            forwarded: false,
            key: None,
            wait: MAX_WAIT,
        }
    }

    /// A text without anything else.
    pub fn text(to: Address, body: impl Into<String>) -> Self {
        Self::of(to, Content::text(body))
    }

    /// The file that goes into it.
    pub fn attach(&mut self, file: File) {
        if let Some(media) = self.content.media_mut() {
            *media = Attached::of(&file);
        }
        if let Content::Document { document, .. } = &mut self.content {
            document.filename = file.filename;
        }
    }

    /// Refuses what WhatsApp would not take, or would show to nobody.
    pub(super) fn check(&self) -> Result<(), Error> {
        check_content(&self.content)?;
        media::check(&self.content)?;
        if self.mentions.len() > MAX_MENTIONS {
            let detail = format!("a message may mention {MAX_MENTIONS} people");
            return Err(refused("too_many_mentions", "/mentions", detail));
        }
        for (index, mention) in self.mentions.iter().enumerate() {
            if !matches!(mention, Address::Phone(_) | Address::Lid(_)) {
                let pointer = format!("/mentions/{index}");
                return Err(refused(
                    "invalid_mention",
                    pointer,
                    "only people are mentioned",
                ));
            }
        }
        if let Some(preview) = &self.link_preview {
            check_preview(preview, &self.content)?;
        }
        if let Some(seconds) = self.expires_in_s
            && !EXPIRIES.contains(&seconds)
        {
            let detail = format!("WhatsApp offers {EXPIRIES:?} seconds");
            return Err(refused("expiry_not_offered", "/expires_in_s", detail));
        }
        let opens_once = matches!(
            self.content,
            Content::Image { .. } | Content::Video { .. } | Content::Voice { .. }
        );
        if self.view_once && !opens_once {
            let detail = "only pictures, videos and voice messages can be opened once";
            return Err(refused("view_once_not_for_kind", "/view_once", detail));
        }
        Ok(())
    }
}

pub(super) fn refused(
    code: &'static str,
    pointer: impl Into<String>,
    detail: impl Into<String>,
) -> Error {
    Error::Invalid {
        code,
        faults: vec![Fault::new(pointer, detail)],
    }
}

fn check_content(content: &Content) -> Result<(), Error> {
    match content {
        Content::Text { text } => check_text(&text.body),
        Content::Image { image, .. } => check_caption(image.caption.as_ref(), "/image/caption"),
        Content::Video { video, .. } => check_caption(video.caption.as_ref(), "/video/caption"),
        Content::Document { document, .. } => {
            check_caption(document.caption.as_ref(), "/document/caption")
        }
        Content::Audio { .. } | Content::Voice { .. } | Content::Sticker { .. } => Ok(()),
        Content::Location { location } => check_location(location),
        Content::Contact { contact } => check_contact(contact),
        Content::Poll { poll } => check_poll(poll),
        Content::Event { event } => check_event(event),
        Content::Unknown { .. }
        | Content::NotKept { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::Vote { .. }
        | Content::Response { .. }
        | Content::Pin { .. }
        | Content::Keep { .. } => Err(refused(
            "kind_not_sent",
            "/type",
            "this kind cannot be sent",
        )),
    }
}

pub(super) fn check_caption(caption: Option<&String>, pointer: &'static str) -> Result<(), Error> {
    if caption.is_some_and(|caption| caption.chars().count() > MAX_CAPTION) {
        let detail = format!("a caption may have {MAX_CAPTION} characters");
        return Err(refused("caption_too_long", pointer, detail));
    }
    Ok(())
}

pub(super) fn check_text(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::invalid("/text/body", "a text must not be empty"));
    }
    if text.chars().count() > MAX_TEXT {
        let detail = format!("a text may have {MAX_TEXT} characters");
        return Err(refused("text_too_long", "/text/body", detail));
    }
    Ok(())
}

/// A line that a person reads: neither empty nor longer than `most` characters, and one line.
fn check_line(
    line: &str,
    most: usize,
    code: &'static str,
    pointer: impl Into<String>,
) -> Result<(), Error> {
    let pointer = pointer.into();
    if line.trim().is_empty() {
        return Err(refused(code, pointer, "must not be empty"));
    }
    if line.chars().any(char::is_control) {
        let detail = "must be one line, without control characters";
        return Err(refused(code, pointer, detail));
    }
    if line.chars().count() > most {
        return Err(refused(
            code,
            pointer,
            format!("may have {most} characters"),
        ));
    }
    Ok(())
}

fn check_optional(
    line: Option<&String>,
    most: usize,
    code: &'static str,
    pointer: impl Into<String>,
) -> Result<(), Error> {
    line.map_or(Ok(()), |line| check_line(line, most, code, pointer))
}

/// A text of several lines that may be left out.
fn check_prose(
    prose: Option<&String>,
    code: &'static str,
    pointer: &'static str,
) -> Result<(), Error> {
    if prose.is_some_and(|prose| prose.chars().count() > MAX_LINE) {
        return Err(refused(
            code,
            pointer,
            format!("may have {MAX_LINE} characters"),
        ));
    }
    Ok(())
}

fn check_link(link: &str, code: &'static str, pointer: &'static str) -> Result<(), Error> {
    check_line(link, MAX_LINE, code, pointer)?;
    let is_web = url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_web {
        Ok(())
    } else {
        let detail = "must be an address that begins with http:// or https://";
        Err(refused(code, pointer, detail))
    }
}

fn check_preview(preview: &LinkPreview, content: &Content) -> Result<(), Error> {
    let code = "invalid_link_preview";
    let Content::Text { text } = content else {
        let detail = "only a text has the preview of a link";
        return Err(refused(
            "link_preview_not_for_kind",
            "/link_preview",
            detail,
        ));
    };
    check_link(&preview.url, code, "/link_preview/url")?;
    if !text.body.contains(&preview.url) {
        let detail = "the text must contain the address";
        return Err(refused("link_not_in_text", "/link_preview/url", detail));
    }
    check_optional(
        preview.title.as_ref(),
        MAX_NAME,
        code,
        "/link_preview/title",
    )?;
    let description = preview.description.as_ref();
    check_prose(description, code, "/link_preview/description")
}

/// Degrees on the globe.
fn check_degrees(degrees: f64, most: f64, pointer: &'static str) -> Result<(), Error> {
    if degrees.is_finite() && degrees.abs() <= most {
        return Ok(());
    }
    let detail = format!("must be between -{most} and {most} degrees");
    Err(refused("invalid_location", pointer, detail))
}

fn check_location(place: &Location) -> Result<(), Error> {
    let code = "invalid_location";
    check_degrees(place.latitude, 90.0, "/location/latitude")?;
    check_degrees(place.longitude, 180.0, "/location/longitude")?;
    check_optional(place.name.as_ref(), MAX_NAME, code, "/location/name")?;
    check_prose(place.address.as_ref(), code, "/location/address")?;
    match &place.url {
        Some(url) => check_link(url, code, "/location/url"),
        None => Ok(()),
    }
}

fn check_contact(contact: &Contact) -> Result<(), Error> {
    match contact {
        Contact::One(card) => check_card(card, "/contact"),
        Contact::Many { cards, .. } => {
            if !(1..=MAX_CARDS).contains(&cards.len()) {
                let detail = format!("a message may have 1 to {MAX_CARDS} cards");
                return Err(refused("contact_count", "/contact/cards", detail));
            }
            let mut cards = cards.iter().enumerate();
            cards.try_for_each(|(index, card)| check_card(card, &format!("/contact/cards/{index}")))
        }
    }
}

/// A line break in a name would begin another property of the card.
fn check_card(card: &Card, at: &str) -> Result<(), Error> {
    check_line(
        &card.name,
        MAX_NAME,
        "invalid_contact_name",
        format!("{at}/name"),
    )?;
    let organization = card.organization.as_ref();
    check_optional(
        organization,
        MAX_NAME,
        "invalid_contact_organization",
        format!("{at}/organization"),
    )
}

fn check_poll(poll: &Poll) -> Result<(), Error> {
    check_line(&poll.name, MAX_NAME, "invalid_poll_name", "/poll/name")?;
    if !POLL_OPTIONS.contains(&poll.options.len()) {
        let (least, most) = (POLL_OPTIONS.start(), POLL_OPTIONS.end());
        let detail = format!("a poll has {least} to {most} options");
        return Err(refused("poll_option_count", "/poll/options", detail));
    }
    for (index, option) in poll.options.iter().enumerate() {
        let pointer = format!("/poll/options/{index}");
        check_line(option, MAX_OPTION, "invalid_poll_option", &pointer)?;
        if poll.options[..index].contains(option) {
            let detail = "stands there twice: votes could not be told apart";
            return Err(refused("poll_options_not_unique", pointer, detail));
        }
    }
    if let Some(right) = &poll.quiz {
        if !poll.options.contains(right) {
            let detail = "the right answer must be one of the options";
            return Err(refused("quiz_option_unknown", "/poll/quiz", detail));
        }
        if poll.multi {
            let detail = "a quiz has one right answer";
            return Err(refused("quiz_is_single", "/poll/multi", detail));
        }
    }
    Ok(())
}
