//! Chooses the model that is configured.

use std::sync::Arc;
use std::time::Duration;

use super::error::{EmbeddingError, Result};
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
        EmbeddingProviderKind::Service => Ok(Arc::new(Service::new(settings(config)?))),
    }
}

fn settings(config: &EmbeddingConfig) -> Result<Settings> {
    let missing = |key: &str| EmbeddingError::Unusable {
        model: "service".to_owned(),
        reason: format!("the configuration names none; set embedding.{key}"),
    };
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
    fn nothing_needs_to_be_configured() {
        assert_eq!(
            open(&EmbeddingConfig::default()).unwrap().model(),
            super::super::static_model::MODEL
        );
    }
}
