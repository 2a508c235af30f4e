//! Asks the running server of a database, if there is one.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use super::exit_code::Exit;
use super::failure::Failure;
use super::server_tls;
use crate::app::serving::{endpoint_file, server_token};
use crate::config::types::Config;
use crate::foundation::endpoint_file::{Endpoint, read};

/// Longest wait for a server to say who it is. It says so within a second even when its database is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest answer that is read, in bytes: more than any page of any list.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// A server that runs.
pub(super) struct ServerClient {
    agent: Agent,
    /// The value of `Authorization`; empty where the server asks for no token.
    authorization: String,
    endpoint: Endpoint,
}

impl ServerClient {
    /// The server of this configuration's database. `None` when there is none: a file that a killed server left
    /// behind, and a stranger at its port, are told by the instance id that the server itself gives.
    pub(super) fn find(config: &Config) -> Option<ServerClient> {
        let endpoint = read(&endpoint_file(config))?;
        match Self::of(config, endpoint) {
            Ok(client) => client.is_still_there().then_some(client),
            Err(problem) => {
                tracing::warn!(
                    problem,
                    "the running server cannot be asked; working without it"
                );
                None
            }
        }
    }

    fn of(config: &Config, endpoint: Endpoint) -> Result<ServerClient, String> {
        let token = server_token(&config.server).map_err(|error| error.to_string())?;
        // Never through a proxy of the environment: the server is on this machine.
        let mut settings = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE));
        if endpoint.url.starts_with("https:") {
            settings = settings.tls_config(server_tls::config(config)?);
        }
        Ok(ServerClient {
            agent: settings.build().into(),
            authorization: token.map_or_else(String::new, |token| format!("Bearer {token}")),
            endpoint,
        })
    }

    /// Where and what the server is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Runs a command there.
    ///
    /// # Errors
    /// The command's failure; one with the code `SERVER_UNAVAILABLE` when the server ended meanwhile.
    pub(super) fn call(&self, command: &str, parameters: &Value) -> Result<Value, Failure> {
        let request = json!({"jsonrpc": "2.0", "method": command, "params": parameters, "id": 1});
        let url = format!("{}/api/jsonrpc", self.endpoint.url);
        let answer = self
            .agent
            .post(&url)
            .header("authorization", &self.authorization)
            .send_json(&request)
            .and_then(|mut answer| {
                answer
                    .body_mut()
                    .with_config()
                    .limit(MAX_ANSWER_BYTES)
                    .read_json::<Value>()
            });
        data(answer.map_err(|error| self.unavailable(&error))?)
    }

    fn is_still_there(&self) -> bool {
        let url = format!("{}/health", self.endpoint.url);
        let health = self
            .agent
            .get(&url)
            .header("authorization", &self.authorization)
            .config()
            .timeout_global(Some(PATIENCE))
            .build()
            .call()
            .and_then(|mut answer| answer.body_mut().read_json::<Value>());
        match health {
            Ok(health) => {
                if let Some(problem) = health["error"]["message"].as_str() {
                    tracing::warn!(
                        url,
                        problem,
                        "the running server refuses; working without it"
                    );
                }
                health["instance_id"] == self.endpoint.instance_id.as_str()
            }
            Err(error) => {
                if matches!(error, ureq::Error::Rustls(_) | ureq::Error::Tls(_)) {
                    tracing::warn!(url, %error, "no TLS to the running server; working without it");
                }
                tracing::debug!(url, %error, "the server that was noted does not answer");
                false
            }
        }
    }

    fn unavailable(&self, error: &ureq::Error) -> Failure {
        let Endpoint { url, pid, .. } = &self.endpoint;
        let message = format!(
            "the server at {url} (process {pid}) did not answer: {error}; it is not known whether the command ran"
        );
        Failure::new(Exit::Unavailable, "SERVER_UNAVAILABLE", message)
    }
}

/// The data in an answer, whichever way it tells a failure.
fn data(mut answer: Value) -> Result<Value, Failure> {
    if answer["result"]["success"] == true {
        return Ok(answer["result"]["data"].take());
    }
    let (error, code) = match answer.get("error") {
        Some(error) => (error, &error["data"]["code"]),
        None => (
            &answer["result"]["error"],
            &answer["result"]["error"]["code"],
        ),
    };
    let message = error["message"]
        .as_str()
        .unwrap_or("the server's answer cannot be understood");
    let mut facts = error.get("data").cloned();
    if let Some(Value::Object(fields)) = &mut facts {
        // On this path the code travels among the facts; a command in this process has it beside them.
        fields.shift_remove("code");
    }
    let facts = facts.filter(|facts| facts.as_object().is_none_or(|fields| !fields.is_empty()));
    Err(Failure::coded(
        code.as_str().unwrap_or("INTERNAL_ERROR"),
        message,
        facts,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_failing_look_like_a_command_of_this_process() {
        let data_of = |answer: Value| data(answer);
        assert_eq!(
            data_of(json!({"result": {"success": true, "data": {"a": 1}}})),
            Ok(json!({"a": 1}))
        );
        let failed = json!({"result": {"success": false, "error": {
            "code": "PROJECT_NOT_FOUND", "message": "no", "data": {"name": "x"}}}});
        let expected = Failure::coded("PROJECT_NOT_FOUND", "no", Some(json!({"name": "x"})));
        assert_eq!(data_of(failed), Err(expected));
        let refused = json!({"error": {"code": -32602, "message": "no", "data": {
            "example": {"limit": 1}, "code": "INVALID_PARAMETERS"}}});
        let expected = Failure::coded(
            "INVALID_PARAMETERS",
            "no",
            Some(json!({"example": {"limit": 1}})),
        );
        assert_eq!(data_of(refused), Err(expected));
        let unknown = json!({"error": {"code": -32603, "message": "a fault"}});
        assert_eq!(
            data_of(unknown),
            Err(Failure::coded("INTERNAL_ERROR", "a fault", None))
        );
    }
}
