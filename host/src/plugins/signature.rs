//! Whether somebody who is trusted has signed a plugin: minisign signatures in a file beside it.

use std::fs;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};

use super::verdict::{Reason, Refusal};

/// The file of the signature of a plugin: `libx.so.minisig`, as `minisign -S` calls it.
fn signature_file(plugin: &Path) -> PathBuf {
    let mut name = plugin.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// Whether one of the trusted keys has signed these bytes of the plugin.
///
/// # Errors
/// [`Reason::Unsigned`], [`Reason::WrongSignature`].
pub fn check(plugin: &Path, bytes: &[u8], trusted: &[String]) -> Result<(), Refusal> {
    let file = signature_file(plugin);
    let shown = file.display();
    let text = fs::read_to_string(&file).map_err(|error| {
        let text = format!(
            "`plugins.trusted_keys` wants it signed, and its signature {shown} cannot be read: {error}; get it from \
             where the plugin comes from"
        );
        Refusal::new(Reason::Unsigned, text)
    })?;
    let wrong = |problem: &str| {
        let text = format!(
            "its signature {shown} is not one of a key in `plugins.trusted_keys` for these bytes: {problem}; get \
             plugin and signature anew, or trust the key that signed it"
        );
        Refusal::new(Reason::WrongSignature, text)
    };
    let signature = Signature::decode(&text).map_err(|error| wrong(&error.to_string()))?;
    let signed_by = |key: &&String| {
        PublicKey::from_base64(key).is_ok_and(|key| key.verify(bytes, &signature, false).is_ok())
    };
    match trusted.iter().find(signed_by) {
        Some(_) => Ok(()),
        None => Err(wrong("no trusted key fits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made once with a key that was thrown away; the form is that of `minisign -S`.
    const KEY: &str = "RWTYFbAX2XZwanVd6pTlL/Fr0ItSQJXhWIutQ/9sNFfMbRnhOJB9YmE3";
    const OTHER_KEY: &str = "RWTfGbEG+mWUhHY7X1Su3cKC4mmC0Urpk6klHrn3bwmWj3gdhlNvpvO6";
    const BYTES: &[u8] = b"the bytes of a plugin";
    const SIGNATURE: &str = concat!(
        "untrusted comment: signature of a fixture\n",
        "RUTYFbAX2XZwajEcWA48xn9SgfsPlBWXvHuJ/QsIcACXyLlcSJ/1hL/gt4Ptbzakx5FjXYBm1oNzJXvhE/vLVwxmG+54m5qsiAE=\n",
        "trusted comment: timestamp:1790000000\tfile:x.so\thashed\n",
        "RY4R0ihkbguoYfw7Ju2xmP0BM+Lw7hlyMwQjeShRMX04B4hnX7j/qTL3nJqDJeDLjvkDGjRraUoke2qjhcxJAA==\n",
    );

    #[test]
    fn a_signature_counts_for_its_bytes_and_of_a_trusted_key() {
        let place = tempfile::tempdir().unwrap();
        let plugin = place.path().join("libx.so");
        let checked = |bytes: &[u8], keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            check(&plugin, bytes, &keys).map_err(|refusal| refusal.reason)
        };
        assert_eq!(checked(BYTES, &[KEY]), Err(Reason::Unsigned));
        fs::write(place.path().join("libx.so.minisig"), SIGNATURE).unwrap();
        assert_eq!(checked(BYTES, &[OTHER_KEY, KEY]), Ok(()));
        assert_eq!(checked(b"other bytes", &[KEY]), Err(Reason::WrongSignature));
        assert_eq!(checked(BYTES, &[OTHER_KEY]), Err(Reason::WrongSignature));
        assert_eq!(checked(BYTES, &["nonsense"]), Err(Reason::WrongSignature));
        fs::write(place.path().join("libx.so.minisig"), "nonsense").unwrap();
        assert_eq!(checked(BYTES, &[KEY]), Err(Reason::WrongSignature));
    }
}
