//! The body of a request to send, and how it becomes a message.

use serde::{Deserialize, de::IgnoredAny};

use self::media::{
    AudioRequest, DocumentRequest, ImageRequest, StickerRequest, VideoRequest, VoiceRequest,
};
use crate::{
    domain::{
        address::Address,
        message::{Card, Contact, Content, LinkPreview, Location, Occasion, Poll, Text, Venue},
    },
    http::v1::media::MediaInput,
    service::{Error, Fault, messages::NewMessage},
};

mod media;

/// What a message can be.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Text,
    Image,
    Video,
    Audio,
    Voice,
    Document,
    Sticker,
    Location,
    Contact,
    Poll,
    Event,
}

/// What WhatsApp shows to nobody any more.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NotShown {
    Buttons,
    List,
    Template,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected one of text, image, video, audio, voice, document, sticker, location, contact, poll, event"
)]
enum Asked {
    Known(Kind),
    NotShown(NotShown),
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextRequest {
    #[schema(example = "Hello")]
    pub(super) body: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LocationRequest {
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
    name: Option<String>,
    address: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CardRequest {
    #[schema(example = "Ann")]
    name: String,
    /// Digits or `+digits`, with the country code.
    #[schema(example = "+5511999887766")]
    phone: String,
    organization: Option<String>,
}

/// One card by its fields, or several as `cards`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ContactRequest {
    #[schema(example = "Ann")]
    name: Option<String>,
    /// Digits or `+digits`, with the country code.
    #[schema(example = "+5511999887766")]
    phone: Option<String>,
    organization: Option<String>,
    /// 1 to 257; then the other fields stay empty.
    cards: Option<Vec<CardRequest>>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PollRequest {
    /// The question.
    name: String,
    /// 2 to 12, each different.
    #[schema(min_items = 2, max_items = 12)]
    options: Vec<String>,
    /// Whether one may choose more than one.
    #[serde(default)]
    multi: bool,
    /// The right option: makes the poll a quiz.
    quiz: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct VenueRequest {
    name: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct EventRequest {
    name: String,
    description: Option<String>,
    /// RFC 3339.
    #[schema(example = "2027-01-31T18:00:00Z")]
    starts_at: String,
    /// RFC 3339.
    ends_at: Option<String>,
    location: Option<VenueRequest>,
    join_link: Option<String>,
    /// Whether one may bring others along.
    #[serde(default)]
    extra_guests: bool,
    /// It will not take place.
    #[serde(default)]
    canceled: bool,
}

/// What is shown of a page that the text links to.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkPreviewRequest {
    /// Stands in the text.
    url: String,
    title: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "+5511999887766", "type": "text", "text": {"body": "Hello"}}))]
pub(super) struct SendMessageRequest {
    /// Digits, `+digits`, or an address that ends in `@s.whatsapp.net`, `@c.us`, `@g.us`, `@lid` or `@newsletter`;
    /// `status@broadcast` posts a status.
    #[schema(example = "+5511999887766")]
    to: String,
    /// Who gets a status post: 1 to 256 people, each as in `to`. Of nothing else.
    #[serde(default)]
    #[schema(max_items = 256)]
    recipients: Vec<String>,
    #[schema(value_type = Kind)]
    r#type: Asked,
    /// Required for `type: text`, as is each other body for its type. No other may be there.
    text: Option<TextRequest>,
    image: Option<ImageRequest>,
    video: Option<VideoRequest>,
    audio: Option<AudioRequest>,
    voice: Option<VoiceRequest>,
    document: Option<DocumentRequest>,
    sticker: Option<StickerRequest>,
    location: Option<LocationRequest>,
    contact: Option<ContactRequest>,
    poll: Option<PollRequest>,
    event: Option<EventRequest>,
    /// The message that it answers, by WhatsApp's id or `msg_…`.
    reply_to: Option<String>,
    /// Who is mentioned; the text names each as `@` and the digits of the address.
    #[serde(default)]
    mentions: Vec<String>,
    link_preview: Option<LinkPreviewRequest>,
    /// It disappears after so many seconds: 86400, 604800 or 7776000.
    expires_in_s: Option<u32>,
    /// It can be opened once.
    #[serde(default)]
    view_once: bool,
    // Known, so that their refusal can say why.
    #[schema(ignore)]
    buttons: Option<IgnoredAny>,
    #[schema(ignore)]
    list: Option<IgnoredAny>,
    #[schema(ignore)]
    template: Option<IgnoredAny>,
}

fn refused(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Error {
    Error::Invalid {
        code,
        faults: vec![Fault::new(pointer, detail)],
    }
}

pub(super) fn recipient(to: &str, pointer: &str) -> Result<Address, Error> {
    let parsed = to.parse();
    parsed.map_err(|fault| refused("invalid_recipient", pointer, format!("{fault}")))
}

impl SendMessageRequest {
    /// The message, and its file, which has to be taken in before it is sent; what is wrong with the file is told below
    /// the pointer.
    pub(super) fn into_message(self) -> Result<(NewMessage, Option<(MediaInput, String)>), Error> {
        let to = recipient(&self.to, "/to")?;
        let kind = match self.r#type {
            Asked::Known(kind) => kind,
            Asked::NotShown(NotShown::Buttons | NotShown::List | NotShown::Template) => {
                let detail = "WhatsApp shows buttons, lists and templates to nobody any more";
                return Err(refused("kind_not_shown", "/type", detail));
            }
        };
        self.check_bodies(kind)?;
        let mentions = self.mentions.iter().enumerate().map(|(index, mention)| {
            let parsed = mention.parse();
            parsed.map_err(|fault| {
                let pointer = format!("/mentions/{index}");
                refused("invalid_mention", pointer, format!("{fault}"))
            })
        });
        let recipients = self.recipients.iter().enumerate();
        let recipients =
            recipients.map(|(index, one)| recipient(one, &format!("/recipients/{index}")));
        let mut new = NewMessage::of(to, Content::text(""));
        new.recipients = recipients.collect::<Result<_, _>>()?;
        new.mentions = mentions.collect::<Result<_, _>>()?;
        new.reply_to = self.reply_to;
        new.link_preview = self.link_preview.map(Into::into);
        new.expires_in_s = self.expires_in_s;
        new.view_once = self.view_once;
        let drawn = self.video.as_ref().map(VideoRequest::thumbnail);
        new.thumbnail = drawn.transpose()?.flatten();
        let missing = |pointer| Error::invalid(pointer, "is required for this type");
        let mut file = None;
        let mut with_file = |body: Option<(Content, MediaInput)>, at: &'static str| {
            let (content, media) = body.ok_or_else(|| missing(at))?;
            file = Some((media, format!("{at}/media")));
            Ok::<_, Error>(content)
        };
        new.content = match kind {
            Kind::Image => with_file(self.image.map(Into::into), "/image")?,
            Kind::Video => with_file(self.video.map(Into::into), "/video")?,
            Kind::Audio => with_file(self.audio.map(Into::into), "/audio")?,
            Kind::Voice => with_file(self.voice.map(Into::into), "/voice")?,
            Kind::Document => with_file(self.document.map(Into::into), "/document")?,
            Kind::Sticker => with_file(self.sticker.map(Into::into), "/sticker")?,
            Kind::Text => Content::Text {
                text: self.text.ok_or_else(|| missing("/text"))?.into(),
            },
            Kind::Location => Content::Location {
                location: self.location.ok_or_else(|| missing("/location"))?.into(),
            },
            Kind::Contact => Content::Contact {
                contact: self
                    .contact
                    .ok_or_else(|| missing("/contact"))?
                    .try_into()?,
            },
            Kind::Poll => Content::Poll {
                poll: self.poll.ok_or_else(|| missing("/poll"))?.into(),
            },
            Kind::Event => Content::Event {
                event: self.event.ok_or_else(|| missing("/event"))?.into(),
            },
        };
        Ok((new, file))
    }

    /// One message says one thing.
    fn check_bodies(&self, kind: Kind) -> Result<(), Error> {
        let bodies = [
            ("/text", self.text.is_some(), kind == Kind::Text),
            ("/image", self.image.is_some(), kind == Kind::Image),
            ("/video", self.video.is_some(), kind == Kind::Video),
            ("/audio", self.audio.is_some(), kind == Kind::Audio),
            ("/voice", self.voice.is_some(), kind == Kind::Voice),
            ("/document", self.document.is_some(), kind == Kind::Document),
            ("/sticker", self.sticker.is_some(), kind == Kind::Sticker),
            ("/location", self.location.is_some(), kind == Kind::Location),
            ("/contact", self.contact.is_some(), kind == Kind::Contact),
            ("/poll", self.poll.is_some(), kind == Kind::Poll),
            ("/event", self.event.is_some(), kind == Kind::Event),
            ("/buttons", self.buttons.is_some(), false),
            ("/list", self.list.is_some(), false),
            ("/template", self.template.is_some(), false),
        ];
        let stray = bodies.into_iter().find(|(_, given, own)| *given && !own);
        stray.map_or(Ok(()), |(pointer, _, _)| {
            let detail = "does not belong to this type";
            Err(refused("body_not_of_type", pointer, detail))
        })
    }
}

impl From<TextRequest> for Text {
    fn from(text: TextRequest) -> Self {
        Self { body: text.body }
    }
}

impl From<LocationRequest> for Location {
    fn from(place: LocationRequest) -> Self {
        Self {
            latitude: place.latitude,
            longitude: place.longitude,
            name: place.name,
            address: place.address,
            url: place.url,
            live: false,
        }
    }
}

impl TryFrom<ContactRequest> for Contact {
    type Error = Error;

    fn try_from(contact: ContactRequest) -> Result<Self, Error> {
        let Some(cards) = contact.cards else {
            let missing = |pointer| Error::invalid(pointer, "is required for a contact");
            let name = contact.name.ok_or_else(|| missing("/contact/name"))?;
            let phone = contact.phone.ok_or_else(|| missing("/contact/phone"))?;
            return card(name, &phone, contact.organization, "/contact").map(Self::One);
        };
        if contact.name.is_some() || contact.phone.is_some() || contact.organization.is_some() {
            let detail = "one card by its fields, or several as cards: not both";
            return Err(refused("body_not_of_type", "/contact/cards", detail));
        }
        let cards = cards.into_iter().enumerate().map(|(index, one)| {
            let at = format!("/contact/cards/{index}");
            card(one.name, &one.phone, one.organization, &at)
        });
        let cards: Vec<Card> = cards.collect::<Result<_, _>>()?;
        Ok(Self::Many {
            name: format!("{} contacts", cards.len()),
            cards,
        })
    }
}

fn card(name: String, phone: &str, organization: Option<String>, at: &str) -> Result<Card, Error> {
    let Ok(Address::Phone(digits)) = phone.parse() else {
        let (pointer, detail) = (
            format!("{at}/phone"),
            "must be a phone number with the country code",
        );
        return Err(refused("invalid_contact_phone", pointer, detail));
    };
    Ok(Card {
        name,
        phone: Some(digits),
        organization,
        vcard: None,
    })
}

impl From<PollRequest> for Poll {
    fn from(poll: PollRequest) -> Self {
        Self {
            name: poll.name,
            options: poll.options,
            multi: poll.multi,
            quiz: poll.quiz,
        }
    }
}

impl From<EventRequest> for Occasion {
    fn from(event: EventRequest) -> Self {
        Self {
            name: event.name,
            description: event.description,
            starts_at: Some(event.starts_at),
            ends_at: event.ends_at,
            location: event.location.map(|venue| Venue {
                name: venue.name,
                latitude: venue.latitude,
                longitude: venue.longitude,
            }),
            join_link: event.join_link,
            extra_guests: event.extra_guests,
            canceled: event.canceled,
        }
    }
}

impl From<LinkPreviewRequest> for LinkPreview {
    fn from(preview: LinkPreviewRequest) -> Self {
        Self {
            url: preview.url,
            title: preview.title,
            description: preview.description,
        }
    }
}
