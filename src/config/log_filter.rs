//! Which lines of the log pass.

use tracing_subscriber::EnvFilter;

use super::Log;

impl Log {
    /// Wharf's own lines at the level, libraries at `warn`, or the operator's own directives.
    pub fn passes(&self) -> Result<EnvFilter, String> {
        if let Some(directives) = &self.filter {
            return EnvFilter::try_new(directives)
                .map_err(|error| format!("log.filter is not a list of directives ({error})"));
        }
        let level = match self.level.as_str() {
            level @ ("error" | "warn" | "info" | "debug" | "trace") => level,
            other => {
                return Err(format!(
                    "log.level \"{other}\" is none of error, warn, info, debug, trace"
                ));
            }
        };
        let libraries = if level == "error" { "error" } else { "warn" };
        EnvFilter::try_new(format!("{libraries},wharf={level},wharf_sandbox={level}"))
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(level: &str, filter: Option<&str>) -> Result<String, String> {
        let log = Log {
            level: level.to_owned(),
            filter: filter.map(str::to_owned),
            ..Log::default()
        };
        log.passes().map(|filter| filter.to_string())
    }

    #[test]
    fn libraries_stay_at_warn_whatever_our_own_level_is() {
        let filter = shown("debug", None).unwrap();
        for directive in ["wharf=debug", "wharf_sandbox=debug", "warn"] {
            assert!(filter.split(',').any(|it| it == directive), "{filter}");
        }
    }

    #[test]
    fn an_unknown_level_and_a_broken_filter_are_refused_with_their_name() {
        assert!(shown("loud", None).unwrap_err().contains("\"loud\""));
        assert!(
            shown("info", Some("wharf=loud"))
                .unwrap_err()
                .contains("log.filter")
        );
        assert_eq!(shown("info", Some("error")).unwrap(), "error");
    }
}
