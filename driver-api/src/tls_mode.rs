//! How a connection to a server is encrypted, in the words that every driver's option `tls` takes.

/// How a connection is encrypted, and what of the server is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption with whoever answers.
    Require,
    /// The certificate must come from a trusted authority.
    VerifyCa,
    /// It must also be for the server's name.
    #[default]
    VerifyFull,
}

impl TlsMode {
    /// The words of the option.
    pub const WORDS: [&'static str; 4] = ["disable", "require", "verify-ca", "verify-full"];

    /// The mode of one of the [`WORDS`](Self::WORDS). Without a word, and for any other, everything is checked, but
    /// for a server on this machine nothing is encrypted.
    pub fn of_word(word: Option<&str>, is_local: bool) -> Self {
        match word {
            Some("disable") => Self::Disable,
            Some("require") => Self::Require,
            Some("verify-ca") => Self::VerifyCa,
            None if is_local => Self::Disable,
            _ => Self::VerifyFull,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_mode_and_what_is_elsewhere_is_verified() {
        let modes = TlsMode::WORDS.map(|word| TlsMode::of_word(Some(word), true));
        let expected = [
            TlsMode::Disable,
            TlsMode::Require,
            TlsMode::VerifyCa,
            TlsMode::VerifyFull,
        ];
        assert_eq!(modes, expected);
        assert_eq!(TlsMode::of_word(None, true), TlsMode::Disable);
        assert_eq!(TlsMode::of_word(None, false), TlsMode::default());
        assert_eq!(TlsMode::default(), TlsMode::VerifyFull);
    }
}
