//! What a plugin must fulfil before its driver is used: names and versions.

use driver_api::DriverDescriptor;
use semver::Version;

use super::verdict::{Reason, Refusal};

/// The `driver-api` of this host.
pub const API_VERSION: &str = driver_api::abi::API_VERSION;

/// The range of `driver-api` versions that plugins may have been built with: the binary interface stays the same within
/// a major version, and a plugin of a newer minor version may count on what this host does not have.
pub fn accepted_api() -> String {
    let own = own_api();
    format!(">={}.0.0, <{}.{}.0", own.major, own.major, own.minor + 1)
}

fn own_api() -> Version {
    Version::parse(API_VERSION).unwrap_or(Version::new(0, 0, 0))
}

/// Checks the version that a plugin was built with, before any code of its author runs.
///
/// # Errors
/// [`Reason::ApiTooOld`], [`Reason::ApiTooNew`], [`Reason::ApiUnknown`].
pub fn check_api_version(found: &str) -> Result<(), Refusal> {
    let own = own_api();
    let accepted = accepted_api();
    let refused = |reason, what_to_do: &str| {
        let text = format!(
            "it was built with driver-api {found}; this host accepts {accepted}: {what_to_do}"
        );
        Err(Refusal::new(reason, text))
    };
    match Version::parse(found) {
        Err(_) => refused(
            Reason::ApiUnknown,
            "build it with a driver-api of that range",
        ),
        Ok(found) if found.major < own.major => refused(
            Reason::ApiTooOld,
            "build it anew with a driver-api of that range",
        ),
        Ok(found) if (found.major, found.minor) > (own.major, own.minor) => refused(
            Reason::ApiTooNew,
            "use a newer host, or build it with a driver-api of that range",
        ),
        Ok(_) => Ok(()),
    }
}

/// Checks what a driver says of itself.
///
/// # Errors
/// [`Reason::BadName`], [`Reason::BadVersion`].
pub fn check_descriptor(descriptor: &DriverDescriptor) -> Result<(), Refusal> {
    let names = std::iter::once(&descriptor.name).chain(&descriptor.aliases);
    if let Some(name) = names.into_iter().find(|name| !is_name(name)) {
        let text = format!(
            "its driver calls itself `{name}`; a name has only lower-case letters, digits, `-` and `_`: rename it in \
             its descriptor"
        );
        return Err(Refusal::new(Reason::BadName, text));
    }
    let version = &descriptor.version;
    match Version::parse(version) {
        Ok(_) => Ok(()),
        Err(_) => {
            let text = format!(
                "its driver's version `{version}` is not of the form 1.2.3: take `env!(\"CARGO_PKG_VERSION\")` in its \
                 descriptor"
            );
            Err(Refusal::new(Reason::BadVersion, text))
        }
    }
}

/// Whether a text can be the name of a driver.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use driver_api::{Dialect, Placement};

    use super::*;

    #[test]
    fn this_version_is_accepted_and_others_are_named_with_what_is_accepted() {
        let own = own_api();
        for accepted in [API_VERSION.to_owned(), format!("{}.0.9", own.major)] {
            assert_eq!(check_api_version(&accepted), Ok(()));
        }
        let reason = |version: &str| check_api_version(version).unwrap_err().reason;
        assert_eq!(reason(&format!("{}.9.9", own.major - 1)), Reason::ApiTooOld);
        assert_eq!(
            reason(&format!("{}.{}.0", own.major, own.minor + 1)),
            Reason::ApiTooNew
        );
        assert_eq!(reason("99.0.0"), Reason::ApiTooNew);
        assert_eq!(reason("nonsense"), Reason::ApiUnknown);
        let text = check_api_version("99.0.0").unwrap_err().text;
        let expected = format!(
            "it was built with driver-api 99.0.0; this host accepts {}: ",
            accepted_api()
        );
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn names_and_versions_are_checked() {
        let named = |name: &str, version: &str| {
            DriverDescriptor::new(name, version, Placement::Direct, Dialect::Generic)
        };
        assert_eq!(check_descriptor(&named("my-db_2", "1.2.3")), Ok(()));
        let reason = |descriptor| check_descriptor(&descriptor).unwrap_err().reason;
        assert_eq!(reason(named("My DB", "1.2.3")), Reason::BadName);
        assert_eq!(reason(named("x", "1")), Reason::BadVersion);
        assert_eq!(reason(named("x", "1.0.0").alias("")), Reason::BadName);
    }
}
