//! One setting: its name, what it may hold, how it is read and shown.
//!
//! Owns the `section!` macro, which makes a struct and its table of keys from one text, so that the program, the
//! reference page and the error messages cannot disagree. Must never read the environment. `sections` uses it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

/// What is shown in place of a secret.
const HIDDEN: &str = "\"********\"";

/// What the reference page and the error messages know about a setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// `http`, `database`, …
    pub(super) section: &'static str,
    /// The name within its section.
    pub(super) name: &'static str,
    /// The short name in the environment, `PORT` for instance.
    pub(super) alias: Option<&'static str>,
    /// What it holds, in words.
    pub(super) kind: &'static str,
    /// Whether it is kept out of every output, and may come from a file.
    pub(super) secret: bool,
    /// What it does.
    pub(super) about: &'static str,
}

impl Key {
    /// `http.port`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `WHARF_HTTP__PORT`.
    pub(super) fn variable(&self) -> String {
        format!(
            "WHARF_{}__{}",
            self.section.to_uppercase(),
            self.name.to_uppercase()
        )
    }
}

/// A section of the configuration, without its type.
pub(super) trait Section {
    /// Its keys, in the order of the reference page.
    fn keys(&self) -> &'static [Key];
    /// What the section is about.
    fn about(&self) -> &'static str;
    /// Sets `key` from its text; the error says what was expected.
    fn set(&mut self, key: &str, text: &str) -> Result<(), String>;
    /// The value of `key` as it would stand in the file, a secret hidden; `None` if it is not set.
    fn show(&self, key: &str) -> Option<String>;
}

/// A value that can be read from a text and shown again.
pub(super) trait Setting: Sized {
    /// What it holds, in words.
    const KIND: &'static str;
    /// Whether it must be kept out of every output.
    const SECRET: bool = false;

    /// Reads it; the error says what was expected.
    fn parse(text: &str) -> Result<Self, String>;
    /// Shows it as a TOML value, or `None` if there is nothing to show.
    fn show(&self) -> Option<String>;
}

/// Declares a section: a struct, its defaults and its table of keys.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident = $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr $(, env $alias:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $crate::config::key::Section for $name {
            fn keys(&self) -> &'static [$crate::config::key::Key] {
                const KEYS: &[$crate::config::key::Key] = &[$(
                    $crate::config::key::Key {
                        section: $section,
                        name: stringify!($key),
                        alias: $crate::config::key::first(&[$($alias)?]),
                        kind: <$type as $crate::config::key::Setting>::KIND,
                        secret: <$type as $crate::config::key::Setting>::SECRET,
                        about: concat!($($doc),+),
                    },
                )+];
                KEYS
            }

            fn about(&self) -> &'static str {
                concat!($($about),+)
            }

            fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
                match key {
                    $( stringify!($key) => {
                        self.$key = <$type as $crate::config::key::Setting>::parse(text)?;
                    } )+
                    _ => return Err("there is no such key".to_owned()),
                }
                Ok(())
            }

            fn show(&self, key: &str) -> Option<String> {
                match key {
                    $( stringify!($key) => $crate::config::key::Setting::show(&self.$key), )+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use section;

/// The first of none or one.
pub(super) const fn first(of: &[&'static str]) -> Option<&'static str> {
    match of {
        [one, ..] => Some(one),
        [] => None,
    }
}

macro_rules! whole_number {
    ($($type:ty),+) => { $(
        impl Setting for $type {
            const KIND: &'static str = "number";

            fn parse(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| {
                    format!("expected a whole number from {} to {}", Self::MIN, Self::MAX)
                })
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+ };
}
whole_number!(u16, u32, u64);

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected true or false".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Setting for PathBuf {
    const KIND: &'static str = "path";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for IpAddr {
    const KIND: &'static str = "IP address";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "localhost" {
            return Ok(Self::V4(Ipv4Addr::LOCALHOST));
        }
        text.parse()
            .map_err(|_| "expected an IP address such as 127.0.0.1 or 0.0.0.0".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for SocketAddr {
    const KIND: &'static str = "address:port";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "expected an address and a port such as 127.0.0.1:8090".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for Url {
    const KIND: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| format!("expected a URL ({error})"))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}

impl Setting for Vec<IpNet> {
    const KIND: &'static str = "list of address ranges";

    fn parse(text: &str) -> Result<Self, String> {
        items(text)
            .map(|item| {
                item.parse()
                    .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| {
                        format!("expected address ranges such as 10.0.0.0/8, not \"{item}\"")
                    })
            })
            .collect()
    }

    fn show(&self) -> Option<String> {
        let list: Vec<_> = self.iter().map(|net| quoted(&net.to_string())).collect();
        Some(format!("[{}]", list.join(", ")))
    }
}

impl Setting for Vec<String> {
    const KIND: &'static str = "list";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(items(text).map(str::to_owned).collect())
    }

    fn show(&self) -> Option<String> {
        let list: Vec<_> = self.iter().map(|item| quoted(item)).collect();
        Some(format!("[{}]", list.join(", ")))
    }
}

impl Setting for SecretString {
    const KIND: &'static str = "secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }

    fn show(&self) -> Option<String> {
        Some(HIDDEN.to_owned())
    }
}

impl<T: Setting> Setting for Option<T> {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
