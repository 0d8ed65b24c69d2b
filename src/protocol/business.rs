//! What a business shows of itself.

use wacore::iq::business::{BusinessHourMode, BusinessHours, BusinessProfile, DayOfWeek};
use wacore_binary::Jid;

use super::{AskError, client::Client};
use crate::domain::contact::{Business, BusinessCategory, Hours, OpenDay};

impl Client {
    /// The profile of a business; none when it shows none.
    pub(super) async fn business(&self, jid: &Jid) -> Result<Option<Business>, AskError> {
        let shown = self.ask(self.inner.get_business_profile(jid)).await?;
        Ok(shown.map(business))
    }
}

fn business(shown: BusinessProfile) -> Business {
    let text = |text: String| (!text.is_empty()).then_some(text);
    Business {
        description: text(shown.description),
        address: shown.address.and_then(text),
        email: shown.email.and_then(text),
        websites: shown.website,
        categories: shown
            .categories
            .into_iter()
            .map(|category| BusinessCategory {
                id: category.id,
                name: category.name,
            })
            .collect(),
        hours: hours(shown.business_hours),
    }
}

fn hours(shown: BusinessHours) -> Option<Hours> {
    let days = shown.business_config?.into_iter().map(|day| OpenDay {
        day: match day.day_of_week {
            DayOfWeek::Sunday => "sun".to_owned(),
            DayOfWeek::Monday => "mon".to_owned(),
            DayOfWeek::Tuesday => "tue".to_owned(),
            DayOfWeek::Wednesday => "wed".to_owned(),
            DayOfWeek::Thursday => "thu".to_owned(),
            DayOfWeek::Friday => "fri".to_owned(),
            DayOfWeek::Saturday => "sat".to_owned(),
            DayOfWeek::Other(day) => day,
        },
        mode: match day.mode {
            BusinessHourMode::Open24H => "open_24h".to_owned(),
            BusinessHourMode::SpecificHours => "specific_hours".to_owned(),
            BusinessHourMode::AppointmentOnly => "appointment_only".to_owned(),
            BusinessHourMode::Other(mode) => mode,
        },
        opens_at: day.open_time.map(time_of_day),
        closes_at: day.close_time.map(time_of_day),
    });
    Some(Hours {
        timezone: shown.timezone,
        days: days.collect(),
    })
}

/// `HH:MM` of the minutes of a day.
fn time_of_day(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
