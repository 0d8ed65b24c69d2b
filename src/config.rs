//! The configuration: defaults, then `wharf.toml`, then the environment, then a few flags.
//!
//! Owns what every setting is called, what it may hold and what the sum of them must not be. Must never open a
//! connection; only [`DataDir`] touches the disk. `cli` loads it, `app` hands each part its section.

mod check;
mod data_dir;
mod database_url;
mod key;
mod load;
mod log_filter;
mod sections;
mod show;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;

pub use data_dir::{DataDir, DataDirError, create_private, host_name};
pub use load::{ConfigError, Fault, Flags, Sources};
pub use sections::{
    Auth, Cluster, Data, Database, DatabaseKind, Egress, Events, HeaderSession, Http, Log,
    LogFormat, Media, Multisession, Pacing, Sandbox, Sessions, Wasender, Webhooks,
};
pub use show::reference;

use key::Section;

/// Everything that can be set.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where the process keeps what is its own.
    pub data: Data,
    /// Where the service listens and what it lets in.
    pub http: Http,
    /// The one database of the service.
    pub database: Database,
    /// Who may come in.
    pub auth: Auth,
    /// The WhatsApp sessions of this process.
    pub sessions: Sessions,
    /// How fast a session sends whose owner wants it to be paced.
    pub pacing: Pacing,
    /// The event log of each session.
    pub events: Events,
    /// The delivery of webhooks.
    pub webhooks: Webhooks,
    /// The files that are sent and received.
    pub media: Media,
    /// Where the service itself may connect to.
    pub egress: Egress,
    /// The dialect of the X-Session-Id service.
    pub header_session: HeaderSession,
    /// The dialect of the WhatsApp Multi-Session API.
    pub multisession: Multisession,
    /// The dialect of the Wasender API.
    pub wasender: Wasender,
    /// Several nodes on one database.
    pub cluster: Cluster,
    /// What the process writes to its standard error.
    pub log: Log,
    /// The WhatsApp that a sandbox build plays.
    pub sandbox: Sandbox,
    /// Where each key that is not at its default came from, by its path.
    origins: BTreeMap<String, String>,
}

impl Config {
    /// The address to listen on.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.http.host, self.http.port)
    }

    /// Whether only this machine can reach the service.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.http.host)
    }

    /// The files of the certificate that the service shows itself; none if it speaks plain HTTP.
    pub fn tls_files(&self) -> Option<(&Path, &Path)> {
        let Http {
            tls_certificate,
            tls_key,
            ..
        } = &self.http;
        Some((tls_certificate.as_deref()?, tls_key.as_deref()?))
    }

    /// The ranges that the service may connect to although they are not public.
    pub fn egress_allow(&self) -> Vec<IpNet> {
        if self.egress.allow.is_empty() && cfg!(feature = "sandbox") && self.is_loopback() {
            return loopback_ranges();
        }
        self.egress.allow.clone()
    }

    /// The file of the master key.
    pub fn master_key_path(&self) -> PathBuf {
        self.data.dir.join("master.key")
    }

    fn sections(&self) -> [&dyn Section; 16] {
        [
            &self.data,
            &self.http,
            &self.database,
            &self.auth,
            &self.sessions,
            &self.pacing,
            &self.events,
            &self.webhooks,
            &self.media,
            &self.egress,
            &self.header_session,
            &self.multisession,
            &self.wasender,
            &self.cluster,
            &self.log,
            &self.sandbox,
        ]
    }

    fn section_mut(&mut self, name: &str) -> Option<&mut dyn Section> {
        Some(match name {
            "data" => &mut self.data,
            "http" => &mut self.http,
            "database" => &mut self.database,
            "auth" => &mut self.auth,
            "sessions" => &mut self.sessions,
            "pacing" => &mut self.pacing,
            "events" => &mut self.events,
            "webhooks" => &mut self.webhooks,
            "media" => &mut self.media,
            "egress" => &mut self.egress,
            "header_session" => &mut self.header_session,
            "multisession" => &mut self.multisession,
            "wasender" => &mut self.wasender,
            "cluster" => &mut self.cluster,
            "log" => &mut self.log,
            "sandbox" => &mut self.sandbox,
            _ => return None,
        })
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn loopback_ranges() -> Vec<IpNet> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    [
        IpNet::new(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::new(Ipv6Addr::LOCALHOST.into(), 128),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_found_by_the_name_in_its_keys() {
        let mut config = Config::default();
        let names: Vec<_> = config
            .sections()
            .iter()
            .map(|section| section.keys()[0].section)
            .collect();
        for name in names {
            let section = config.section_mut(name).unwrap();
            assert_eq!(section.keys()[0].section, name);
        }
    }

    #[test]
    fn loopback_is_allowed_out_only_in_a_sandbox_build_that_listens_there() {
        let mut config = Config::default();
        assert_eq!(config.egress_allow().is_empty(), !cfg!(feature = "sandbox"));
        config.http.host = "0.0.0.0".parse().unwrap();
        assert!(config.egress_allow().is_empty());
        config.egress.allow = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(config.egress_allow().len(), 1);
    }
}
