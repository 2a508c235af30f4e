//! What a plugin must fulfil before its driver is used: names and versions.

use driver_api::DriverDescriptor;
use semver::{Version, VersionReq};

/// Why a plugin that opens is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The plugin was built against a `driver-api` that this host does not accept.
    #[error(
        "it was built with driver-api {found}; this host accepts {accepted}: build it with a driver-api of \
         that range, or use a host of its release"
    )]
    ApiVersion {
        /// What the plugin says.
        found: String,
        /// The range of this host.
        accepted: String,
    },
    /// The driver's name, or one of its aliases, is not usable in a config.
    #[error(
        "its driver calls itself `{0}`; a name has only lower-case letters, digits, `-` and `_`"
    )]
    Name(String),
    /// The driver's version is not semver.
    #[error("its driver's version `{0}` is not of the form 1.2.3")]
    Version(String),
}

/// The range of `driver-api` versions that plugins may have been built with: this minor and the one
/// before it, any patch.
pub fn accepted_api() -> VersionReq {
    let own = own_api();
    let oldest = Version::new(own.major, own.minor.saturating_sub(1), 0);
    let next = Version::new(own.major, own.minor + 1, 0);
    VersionReq::parse(&format!(">={oldest}, <{next}")).unwrap_or(VersionReq::STAR)
}

fn own_api() -> Version {
    Version::parse(driver_api::abi::API_VERSION).unwrap_or(Version::new(0, 0, 0))
}

/// Checks the version that a plugin was built with, before any code of its author runs.
///
/// # Errors
/// [`PolicyError::ApiVersion`].
pub fn check_api_version(found: &str) -> Result<(), PolicyError> {
    let accepted = accepted_api();
    if Version::parse(found).is_ok_and(|version| accepted.matches(&version)) {
        return Ok(());
    }
    Err(PolicyError::ApiVersion {
        found: found.to_owned(),
        accepted: accepted.to_string(),
    })
}

/// Checks what a driver says of itself.
///
/// # Errors
/// [`PolicyError::Name`], [`PolicyError::Version`].
pub fn check_descriptor(descriptor: &DriverDescriptor) -> Result<(), PolicyError> {
    let names = std::iter::once(&descriptor.name).chain(&descriptor.aliases);
    if let Some(name) = names.into_iter().find(|name| !is_name(name)) {
        return Err(PolicyError::Name(name.clone()));
    }
    Version::parse(&descriptor.version)
        .map(|_| ())
        .map_err(|_| PolicyError::Version(descriptor.version.clone()))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use driver_api::{Dialect, Placement};

    use super::*;

    #[test]
    fn this_version_is_accepted_and_others_are_named() {
        assert_eq!(check_api_version(driver_api::abi::API_VERSION), Ok(()));
        let error = check_api_version("99.0.0").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("99.0.0") && text.contains("this host accepts >=0."),
            "{text}"
        );
        assert!(check_api_version("nonsense").is_err());
    }

    #[test]
    fn names_and_versions_are_checked() {
        let named = |name: &str, version: &str| {
            DriverDescriptor::new(name, version, Placement::Direct, Dialect::Generic)
        };
        assert_eq!(check_descriptor(&named("my-db_2", "1.2.3")), Ok(()));
        assert_eq!(
            check_descriptor(&named("My DB", "1.2.3")),
            Err(PolicyError::Name("My DB".into()))
        );
        assert_eq!(
            check_descriptor(&named("x", "1")),
            Err(PolicyError::Version("1".into()))
        );
        let alias = named("x", "1.0.0").alias("");
        assert_eq!(
            check_descriptor(&alias),
            Err(PolicyError::Name(String::new()))
        );
    }
}
