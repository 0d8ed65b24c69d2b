//! Laying the sources over each other, and finding every fault in them at once.
//!
//! Owns the order of the sources and the words of the faults. Must never stop at the first fault.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{Config, key::Key};

/// The file that is read when nobody names one.
const DEFAULT_FILE: &str = "wharf.toml";
/// Names the file to read.
const FILE_VARIABLE: &str = "WHARF_CONFIG";

/// The API key of `wharf listen` and `wharf tail`, which are clients: no setting of the service.
const KEY_VARIABLE: &str = "WHARF_API_KEY";
/// What all our own variables begin with.
const PREFIX: &str = "WHARF_";
/// What a secret that is read from a file ends with.
const FILE_SUFFIX: &str = "_FILE";

/// The few settings that have a flag.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`: the file to read.
    pub file: Option<PathBuf>,
    /// Path of a key and its text, `("http.port", "9000")`.
    pub values: Vec<(&'static str, String)>,
}

/// Where settings come from, besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The environment of the process.
    pub env: BTreeMap<String, String>,
    /// The flags of the command line.
    pub flags: Flags,
}

impl Sources {
    /// The environment of this process, and `flags`. Variables that are no Unicode are none of ours.
    pub fn of_process(flags: Flags) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { env, flags }
    }
}

/// One fault of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it is: a variable, a flag, or a key in a file.
    pub at: String,
    /// What is wrong.
    pub detail: String,
    /// Whether it would work, but not safely.
    pub is_unsafe: bool,
}

/// All faults of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl ConfigError {
    /// Whether the configuration would work, but not safely.
    pub fn is_unsafe(&self) -> bool {
        self.faults.iter().all(|fault| fault.is_unsafe)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        for fault in &self.faults {
            write!(f, "\n  {}: {}", fault.at, fault.detail)?;
        }
        Ok(())
    }
}

impl Config {
    /// The configuration that `sources` give, or everything that is wrong with it.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.file(sources);
        layers.environment(&sources.env);
        for (path, text) in &sources.flags.values {
            let flag = format!("--{}", path.rsplit('.').next().unwrap_or(path));
            layers.put(path, text, flag);
        }
        let Layers { config, mut faults } = layers;
        faults.extend(config.validate());
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { faults })
        }
    }
}

#[derive(Default)]
struct Layers {
    config: Config,
    faults: Vec<Fault>,
}

impl Layers {
    fn fault(&mut self, at: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(Fault {
            at: at.into(),
            detail: detail.into(),
            is_unsafe: false,
        });
    }

    fn keys(&self) -> Vec<&'static Key> {
        self.config
            .sections()
            .into_iter()
            .flat_map(super::key::Section::keys)
            .collect()
    }

    /// Sets the key at `path`; `origin` is shown by `config check` and names the fault.
    fn put(&mut self, path: &str, text: &str, origin: String) {
        let (section, name) = path.split_once('.').unwrap_or((path, ""));
        let outcome = match self.config.section_mut(section) {
            Some(section) => section.set(name, text),
            None => Err("there is no such section".to_owned()),
        };
        match outcome {
            Ok(()) => {
                self.config.origins.insert(path.to_owned(), origin);
            }
            Err(detail) => self.fault(origin, detail),
        }
    }

    fn file(&mut self, sources: &Sources) {
        let named = sources
            .flags
            .file
            .clone()
            .or_else(|| present(&sources.env, FILE_VARIABLE).map(PathBuf::from));
        let path = named.as_deref().unwrap_or_else(|| Path::new(DEFAULT_FILE));
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => match text.parse::<toml::Table>() {
                Ok(table) => self.table(&shown, &table),
                Err(error) => self.fault(shown, error.to_string().trim_end().to_owned()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => self.fault(shown, format!("cannot be read: {error}")),
        }
    }

    fn table(&mut self, file: &str, table: &toml::Table) {
        let keys = self.keys();
        for (section, value) in table {
            let Some(entries) = value.as_table() else {
                let wanted = nearest(section, keys.iter().map(|key| key.section.to_owned()));
                let detail = format!("`{section}` must stand in a section{wanted}");
                self.fault(file, detail);
                continue;
            };
            if !keys.iter().any(|key| key.section == section) {
                let wanted = nearest(section, keys.iter().map(|key| key.section.to_owned()));
                self.fault(
                    format!("{file} [{section}]"),
                    format!("unknown section{wanted}"),
                );
                continue;
            }
            for (name, value) in entries {
                let path = format!("{section}.{name}");
                let at = format!("{file} {path}");
                if !keys.iter().any(|key| key.path() == path) {
                    let wanted = nearest(&path, keys.iter().map(|key| key.path()));
                    self.fault(at, format!("unknown key{wanted}"));
                } else if let Some(text) = text_of(value) {
                    self.put(&path, &text, at);
                } else {
                    self.fault(at, "expected a text, a number, a switch or a list of texts");
                }
            }
        }
    }

    fn environment(&mut self, env: &BTreeMap<String, String>) {
        let keys = self.keys();
        for key in &keys {
            // The long name is the later word: an image may set HOST, and its user WHARF_HTTP__HOST.
            for name in key
                .alias
                .map(str::to_owned)
                .into_iter()
                .chain([key.variable()])
            {
                self.variable(key, &name, env);
            }
        }
        for name in env.keys().filter(|name| name.starts_with(PREFIX)) {
            let known = [FILE_VARIABLE, KEY_VARIABLE].contains(&name.as_str())
                || keys.iter().any(|key| {
                    let variable = key.variable();
                    *name == variable || (key.secret && *name == format!("{variable}{FILE_SUFFIX}"))
                });
            if !known {
                let wanted = nearest(name, keys.iter().map(|key| key.variable()));
                self.fault(name.as_str(), format!("unknown variable{wanted}"));
            }
        }
    }

    fn variable(&mut self, key: &Key, name: &str, env: &BTreeMap<String, String>) {
        let file_name = format!("{name}{FILE_SUFFIX}");
        let file = key.secret.then(|| present(env, &file_name)).flatten();
        match (present(env, name), file) {
            (Some(_), Some(_)) => self.fault(name, format!("{file_name} is set as well: drop one")),
            (Some(text), None) => self.put(&key.path(), text, name.to_owned()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => self.put(&key.path(), text.trim_end_matches(['\r', '\n']), file_name),
                Err(error) => self.fault(file_name, format!("{path} cannot be read: {error}")),
            },
            (None, None) => {}
        }
    }
}

/// An empty variable counts as none: compose files write `${PORT:-}`.
fn present<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// `; did you mean …?`, if anything comes close.
fn nearest(given: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|name| (distance(given, &name), name))
        .min()
        .filter(|(steps, name)| *steps * 2 < name.len())
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

/// How many letters must be changed, added or dropped to make `left` of `right`.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests;
