//! What this account shows of itself, and to whom.
//!
//! Called by `service` on a borrowed client.

use wacore::iq::privacy::{PrivacyCategory, PrivacyValue};

use super::{AskError, Event, client::Client};
use crate::domain::contact::{Audience, Privacy, PrivacyOf};

impl Client {
    /// Changes the name that the account goes by.
    pub async fn set_push_name(&self, name: &str) -> Result<(), AskError> {
        let profile = self.inner.profile();
        self.ask(profile.set_push_name(name)).await?;
        self.bridge.report(Event::Renamed(name.to_owned()));
        Ok(())
    }

    /// Changes the text about oneself.
    pub async fn set_about(&self, about: &str) -> Result<(), AskError> {
        let profile = self.inner.profile();
        self.ask(profile.set_status_text(about)).await
    }

    /// Changes one's picture, a JPEG; none removes it. Gives its id.
    pub async fn set_own_picture(&self, jpeg: Option<Vec<u8>>) -> Result<(), AskError> {
        let profile = self.inner.profile();
        let set = match jpeg {
            Some(jpeg) => self.ask(profile.set_profile_picture(jpeg)).await,
            None => self.ask(profile.remove_profile_picture()).await,
        };
        set.map(drop)
    }

    /// Who is shown what.
    pub async fn privacy(&self) -> Result<Privacy, AskError> {
        let answered = self.ask(self.inner.fetch_privacy_settings()).await?;
        let known = |(category, value): (PrivacyCategory, PrivacyValue)| {
            Some((of_category(&category)?, of_value(&value)?))
        };
        let settings = answered.settings.into_iter();
        Ok(settings
            .map(|setting| (setting.category, setting.value))
            .filter_map(known)
            .collect())
    }

    /// Changes who is shown one thing.
    pub async fn set_privacy(&self, of: PrivacyOf, to: Audience) -> Result<(), AskError> {
        let question = self.inner.set_privacy_setting(category(of), value(to));
        self.ask(question).await.map(drop)
    }
}

const OF: [PrivacyOf; 9] = [
    PrivacyOf::LastSeen,
    PrivacyOf::Online,
    PrivacyOf::Picture,
    PrivacyOf::About,
    PrivacyOf::GroupAdd,
    PrivacyOf::ReadReceipts,
    PrivacyOf::Calls,
    PrivacyOf::Messages,
    PrivacyOf::Defense,
];

fn category(of: PrivacyOf) -> PrivacyCategory {
    match of {
        PrivacyOf::LastSeen => PrivacyCategory::Last,
        PrivacyOf::Online => PrivacyCategory::Online,
        PrivacyOf::Picture => PrivacyCategory::Profile,
        PrivacyOf::About => PrivacyCategory::Status,
        PrivacyOf::GroupAdd => PrivacyCategory::GroupAdd,
        PrivacyOf::ReadReceipts => PrivacyCategory::ReadReceipts,
        PrivacyOf::Calls => PrivacyCategory::CallAdd,
        PrivacyOf::Messages => PrivacyCategory::Messages,
        PrivacyOf::Defense => PrivacyCategory::DefenseMode,
    }
}

fn of_category(wire: &PrivacyCategory) -> Option<PrivacyOf> {
    OF.into_iter().find(|of| category(*of) == *wire)
}

fn value(to: Audience) -> PrivacyValue {
    match to {
        Audience::All => PrivacyValue::All,
        Audience::Contacts => PrivacyValue::Contacts,
        Audience::ContactBlacklist => PrivacyValue::ContactBlacklist,
        Audience::None => PrivacyValue::None,
        Audience::MatchLastSeen => PrivacyValue::MatchLastSeen,
        Audience::Known => PrivacyValue::Known,
        Audience::Off => PrivacyValue::Off,
        Audience::OnStandard => PrivacyValue::OnStandard,
    }
}

fn of_value(wire: &PrivacyValue) -> Option<Audience> {
    Some(match wire {
        PrivacyValue::All => Audience::All,
        PrivacyValue::Contacts => Audience::Contacts,
        PrivacyValue::ContactBlacklist => Audience::ContactBlacklist,
        PrivacyValue::None => Audience::None,
        PrivacyValue::MatchLastSeen => Audience::MatchLastSeen,
        PrivacyValue::Known => Audience::Known,
        PrivacyValue::Off => Audience::Off,
        PrivacyValue::OnStandard => Audience::OnStandard,
        PrivacyValue::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_one_that_whatsapp_takes_and_comes_back_as_itself() {
        for of in OF {
            assert_eq!(of_category(&category(of)), Some(of));
            for choice in of.choices() {
                assert!(
                    category(of).is_valid_value(&value(*choice)),
                    "{of:?} {choice:?}"
                );
                assert_eq!(of_value(&value(*choice)), Some(*choice));
            }
        }
    }
}
