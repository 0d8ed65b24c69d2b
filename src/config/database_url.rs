//! One URL from the parts of the database section.
//!
//! Owns the default ports and the escaping. Must never show the password.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Config, Database, DatabaseKind};

impl Config {
    /// The URL to connect to; it holds the password.
    ///
    /// The sections were validated: parts that are missing here are replaced by their defaults.
    pub fn database_url(&self) -> SecretString {
        let database = &self.database;
        if let Some(url) = &database.url {
            return url.clone();
        }
        let name = database.name.as_deref().unwrap_or("wharf");
        match database.kind {
            DatabaseKind::Sqlite => {
                let file = self.data.dir.join(format!("{name}.db"));
                format!("sqlite://{}", file.display()).into()
            }
            DatabaseKind::Postgres => server_url(database, "postgres", 5432, name),
            DatabaseKind::Mysql => server_url(database, "mysql", 3306, name),
        }
    }

    /// Whether the database is a file of this machine, which one process at a time should serve.
    pub fn is_embedded_database(&self) -> bool {
        match &self.database.url {
            Some(url) => url.expose_secret().starts_with("sqlite:"),
            None => self.database.kind == DatabaseKind::Sqlite,
        }
    }
}

impl Database {
    /// What is missing or wrong among the parts.
    pub(super) fn checked(&self) -> Result<(), String> {
        if let Some(url) = &self.url {
            // The parser's own words could repeat the password: they are not passed on.
            let scheme = Url::parse(url.expose_secret()).map(|url| url.scheme().to_owned());
            return match scheme.as_deref() {
                Ok("sqlite" | "postgres" | "postgresql" | "mysql") => Ok(()),
                _ => Err(
                    "DATABASE_URL must look like sqlite://…, postgres://… or mysql://…".to_owned(),
                ),
            };
        }
        let name = self.name.as_deref().unwrap_or("wharf");
        if name.is_empty() || name.contains(['/', '\\', '?', '#']) {
            return Err("database.name must be a plain name".to_owned());
        }
        if self.kind != DatabaseKind::Sqlite {
            if self.user.is_none() {
                return Err("a database server needs database.user (DB_USER)".to_owned());
            }
            if Url::parse(&format!("postgres://{}/", self.host)).is_err() {
                return Err("database.host is no name and no address".to_owned());
            }
        }
        Ok(())
    }
}

fn server_url(database: &Database, scheme: &str, port: u16, name: &str) -> SecretString {
    let port = database.port.unwrap_or(port);
    let user = escaped(database.user.as_deref().unwrap_or(name));
    let password = match &database.password {
        Some(password) => format!(":{}", escaped(password.expose_secret())),
        None => String::new(),
    };
    let host = &database.host;
    format!(
        "{scheme}://{user}{password}@{host}:{port}/{}",
        escaped(name)
    )
    .into()
}

/// Percent-encodes everything that could end a part of the URL.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(config: &Config) -> String {
        config.database_url().expose_secret().to_owned()
    }

    #[test]
    fn the_default_is_a_file_in_the_data_folder() {
        let mut config = Config::default();
        config.data.dir = "/srv/wharf".into();
        assert_eq!(shown(&config), "sqlite:///srv/wharf/wharf.db");
        assert!(config.is_embedded_database());
    }

    #[test]
    fn parts_make_a_url_whose_password_may_hold_anything() {
        let mut config = Config::default();
        config.database.kind = DatabaseKind::Mysql;
        config.database.user = Some("root".to_owned());
        config.database.password = Some("p@ss:/wörd#1".into());
        config.database.name = Some("whatsapp_sessions".to_owned());
        let url = Url::parse(&shown(&config)).unwrap();
        assert_eq!(
            (url.scheme(), url.port(), url.path()),
            ("mysql", Some(3306), "/whatsapp_sessions")
        );
        assert_eq!(url.password(), Some("p%40ss%3A%2Fw%C3%B6rd%231"));
        assert!(!config.is_embedded_database());
    }

    #[test]
    fn a_url_wins_over_the_parts() {
        let mut config = Config::default();
        config.database.kind = DatabaseKind::Mysql;
        config.database.url = Some("postgres://wharf@db/wharf".into());
        assert_eq!(shown(&config), "postgres://wharf@db/wharf");
        assert_eq!(config.database.checked(), Ok(()));
    }

    #[test]
    fn a_fault_of_the_url_does_not_repeat_its_password() {
        let mut config = Config::default();
        config.database.url = Some("mongodb://root:hunter2@db/x".into());
        let fault = config.database.checked().unwrap_err();
        assert!(!fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn a_server_without_a_user_and_a_name_with_a_slash_are_faults() {
        let mut config = Config::default();
        config.database.kind = DatabaseKind::Postgres;
        assert!(config.database.checked().unwrap_err().contains("DB_USER"));
        config.database.kind = DatabaseKind::Sqlite;
        config.database.name = Some("../elsewhere".to_owned());
        assert!(config.database.checked().is_err());
    }
}
