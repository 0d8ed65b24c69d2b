//! Secrets that stand in public examples, and so are known to everybody.

/// In lower case.
const SAMPLES: [&str; 14] = [
    "admin",
    "admin123",
    "password",
    "password2",
    "password123",
    "change-this",
    "change-me",
    "changeme",
    "secret",
    "12345678",
    "your-secret-key",
    "your_secret_key",
    "your_token",
    "your-token",
];

/// Whether `secret` stands in public examples.
pub fn is_sample(secret: &str) -> bool {
    SAMPLES.contains(&secret.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_known_however_it_is_written_and_a_longer_secret_is_none() {
        assert!(is_sample("Admin123"));
        assert!(!is_sample("admin123-and-more"));
    }
}
