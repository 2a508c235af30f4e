//! Chooses the model that is configured.

use std::sync::Arc;
use std::time::Duration;

use super::error::{EmbeddingError, Result};
#[cfg(feature = "local-models")]
use super::local::LocalModel;
use super::provider::EmbeddingProvider;
use super::service::{Service, Settings};
use super::static_model::StaticModel;
use crate::config::embedding::{EmbeddingConfig, EmbeddingProviderKind};

/// The configured model.
///
/// # Errors
/// [`EmbeddingError::Unusable`] when something that it needs is missing.
pub fn open(config: &EmbeddingConfig) -> Result<Arc<dyn EmbeddingProvider>> {
    match config.provider {
        EmbeddingProviderKind::Static => Ok(Arc::new(StaticModel)),
        EmbeddingProviderKind::Local => local(config),
        EmbeddingProviderKind::Service => Ok(Arc::new(Service::new(settings(config)?))),
    }
}

fn missing(model: &str, key: &str) -> EmbeddingError {
    EmbeddingError::Unusable {
        model: model.to_owned(),
        reason: format!("the configuration names none; set embedding.{key}"),
    }
}

#[cfg(feature = "local-models")]
fn local(config: &EmbeddingConfig) -> Result<Arc<dyn EmbeddingProvider>> {
    let directory = config.model_dir.as_deref();
    let directory = directory.ok_or_else(|| missing("local", "model_dir"))?;
    let model = LocalModel::read(directory, config.threads as usize)?;
    Ok(Arc::new(model))
}

#[cfg(not(feature = "local-models"))]
fn local(_: &EmbeddingConfig) -> Result<Arc<dyn EmbeddingProvider>> {
    Err(EmbeddingError::Unusable {
        model: "local".to_owned(),
        reason: "this program was built without the cargo feature `local-models`; build it with that feature, or \
                 choose another embedding.provider"
            .to_owned(),
    })
}

fn settings(config: &EmbeddingConfig) -> Result<Settings> {
    let missing = |key: &str| missing("service", key);
    let api_key = match &config.api_key_env {
        None => None,
        Some(name) => Some(std::env::var(name).map_err(|_| EmbeddingError::Unusable {
            model: "service".to_owned(),
            reason: format!(
                "the environment variable {name}, which embedding.api_key_env names, is not set; set it for the host"
            ),
        })?),
    };
    Ok(Settings {
        url: config.url.clone().ok_or_else(|| missing("url"))?,
        model: config.model.clone().ok_or_else(|| missing("model"))?,
        api_key,
        dimensions: config.dimensions,
        timeout: Duration::from_secs(config.timeout_seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(config: EmbeddingConfig) -> String {
        open(&config).err().unwrap().to_string()
    }

    #[test]
    fn what_is_missing_is_named() {
        let service = EmbeddingConfig {
            provider: EmbeddingProviderKind::Service,
            ..EmbeddingConfig::default()
        };
        assert!(reason(service.clone()).ends_with("set embedding.url"));
        let url = Some("http://127.0.0.1:1/v1".to_owned());
        let service = EmbeddingConfig { url, ..service };
        assert!(reason(service.clone()).ends_with("set embedding.model"));
        let api_key_env = Some("NO_SUCH_VARIABLE_FOR_A_KEY".to_owned());
        let keyed = EmbeddingConfig {
            api_key_env,
            ..service
        };
        assert!(reason(keyed).contains("NO_SUCH_VARIABLE_FOR_A_KEY"));
    }

    #[test]
    fn a_local_model_needs_a_directory() {
        let local = EmbeddingConfig {
            provider: EmbeddingProviderKind::Local,
            ..EmbeddingConfig::default()
        };
        let expected = match cfg!(feature = "local-models") {
            true => "set embedding.model_dir",
            false => "`local-models`",
        };
        let reason = reason(local);
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn nothing_needs_to_be_configured() {
        assert_eq!(
            open(&EmbeddingConfig::default()).unwrap().model(),
            super::super::static_model::MODEL
        );
    }
}
