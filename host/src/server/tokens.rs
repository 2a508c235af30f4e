//! The secrets that callers show to be let in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use axum::http::{HeaderMap, header};
use subtle::{Choice, ConstantTimeEq};

/// The shortest token, in characters: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("server.token_file: {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others could read the file.
    #[error("server.token_file: {path} can be read by other users; do `chmod 600 {path}`")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The variable of the environment is not there.
    #[error("server.token_env: the environment has no {name}, expected a token there")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// There is a place for tokens, but none in it, or one that is too short.
    #[error(
        "{key}: expected tokens of at least {SHORTEST} printable characters without spaces, one a line; \
         `openssl rand -hex 32` makes one"
    )]
    Weak {
        /// The key of the configuration.
        key: &'static str,
    },
}

/// Tokens, of which only digests are kept.
pub struct Tokens(Vec<[u8; 32]>);

/// The texts of the tokens that a file and a variable of the environment hold; none where neither is named.
///
/// # Errors
/// [`TokenError`].
pub fn read(file: Option<&Path>, variable: Option<&str>) -> Result<Vec<String>, TokenError> {
    let mut texts = Vec::new();
    if let Some(path) = file {
        texts.extend(checked("server.token_file", &file_text(path)?)?);
    }
    if let Some(name) = variable {
        let text = std::env::var(name).map_err(|_| TokenError::NoVariable {
            name: name.to_owned(),
        })?;
        texts.extend(checked("server.token_env", &text)?);
    }
    Ok(texts)
}

fn file_text(path: &Path) -> Result<String, TokenError> {
    let unreadable = |source| TokenError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.mode() & 0o077 != 0 {
        let path = path.to_owned();
        return Err(TokenError::Open { path });
    }
    fs::read_to_string(path).map_err(unreadable)
}

fn checked(key: &'static str, text: &str) -> Result<Vec<String>, TokenError> {
    let lines = text.lines().map(str::trim);
    let tokens: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let is_strong = |token: &String| {
        token.len() >= SHORTEST && token.chars().all(|each| each.is_ascii_graphic())
    };
    if tokens.is_empty() || !tokens.iter().all(is_strong) {
        return Err(TokenError::Weak { key });
    }
    Ok(tokens)
}

impl Tokens {
    /// The tokens with these texts.
    pub fn new(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| digest(text.as_bytes())).collect())
    }

    /// Whether the caller shows one of the tokens, as `Authorization: Bearer` or `X-API-Key`. How long the answer
    /// takes does not depend on how much of a token is right.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| bearer_token(value.as_bytes()));
        let key = headers.get("x-api-key").map(|value| value.as_bytes());
        let mut shown = [bearer, key].into_iter().flatten();
        shown.any(|token| self.has(token))
    }

    fn has(&self, token: &[u8]) -> bool {
        let shown = digest(token);
        let equal = |one: &[u8; 32]| one.ct_eq(&shown);
        let none = Choice::from(0);
        self.0.iter().map(equal).fold(none, |a, b| a | b).into()
    }
}

/// Digests are of one length, so that not even the length of a token shows.
fn digest(token: &[u8]) -> [u8; 32] {
    *blake3::hash(token).as_bytes()
}

fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123";

    fn admits(name: &'static str, value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let texts = ["another-token-of-mine".to_owned(), TOKEN.to_owned()];
        Tokens::new(&texts).admit(&headers)
    }

    #[test]
    fn a_token_is_shown_in_either_header() {
        assert!(admits("authorization", &format!("Bearer {TOKEN}")));
        assert!(admits("authorization", &format!("bearer {TOKEN}")));
        assert!(admits("x-api-key", TOKEN));
        for (name, value) in [
            ("authorization", TOKEN.to_owned()),
            ("authorization", format!("Basic {TOKEN}")),
            ("authorization", format!("Bearer {}", &TOKEN[1..])),
            ("x-api-key", format!("{TOKEN}4")),
            ("x-api-key", String::new()),
        ] {
            assert!(!admits(name, &value), "{name} {value}");
        }
        assert!(!Tokens::new(&[TOKEN.to_owned()]).admit(&HeaderMap::new()));
    }

    #[test]
    fn tokens_come_from_a_file_that_nobody_else_can_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("# mine\n{TOKEN}\n\n")).unwrap();
        let mode = |mode| fs::set_permissions(file.path(), fs::Permissions::from_mode(mode));
        mode(0o600).unwrap();
        assert_eq!(read(Some(file.path()), None).unwrap(), [TOKEN]);
        mode(0o640).unwrap();
        let error = read(Some(file.path()), None).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        mode(0o600).unwrap();
        for weak in ["", "# none\n", "short\n", "with a space in it 0123\n"] {
            fs::write(file.path(), weak).unwrap();
            let error = read(Some(file.path()), None).unwrap_err();
            assert!(matches!(error, TokenError::Weak { .. }), "{error}");
            assert!(weak.is_empty() || !error.to_string().contains(weak.trim()));
        }
        let error = read(None, Some("NO_SUCH_VARIABLE_OF_OURS")).unwrap_err();
        assert!(
            error.to_string().contains("NO_SUCH_VARIABLE_OF_OURS"),
            "{error}"
        );
        assert!(read(None, None).unwrap().is_empty());
    }
}
