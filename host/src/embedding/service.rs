//! A service with the interface of OpenAI's `/v1/embeddings`, which many local model servers have too.
//!
//! The interface: <https://platform.openai.com/docs/api-reference/embeddings/create>.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::Agent;

use super::error::{EmbeddingError, Result};
use super::provider::{EmbeddingProvider, Passage};
use crate::foundation::vector::normalise;

/// Most bytes of an answer that are read: 2,048 vectors of 4,096 numbers written out have about 100 MB.
const LARGEST_ANSWER: u64 = 256 * 1024 * 1024;

/// Where a service is, and what it is asked for.
pub(super) struct Settings {
    /// The address below which `/embeddings` is.
    pub(super) url: String,
    pub(super) model: String,
    pub(super) api_key: Option<String>,
    pub(super) dimensions: Option<u32>,
    pub(super) timeout: Duration,
}

/// The service. It has no `Debug`: it holds the key.
pub(super) struct Service {
    agent: Agent,
    settings: Settings,
    /// The whole address.
    url: String,
    /// The model's name among all models.
    name: String,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedded>,
}

#[derive(Deserialize)]
struct Embedded {
    index: usize,
    embedding: Vec<f32>,
}

impl Service {
    pub(super) fn new(settings: Settings) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(settings.timeout))
            .build()
            .into();
        let url = format!("{}/embeddings", settings.url.trim_end_matches('/'));
        let dimensions = settings
            .dimensions
            .map_or_else(String::new, |dimensions| format!("@{dimensions}"));
        // Two services may mean different models by one name.
        let name = format!("{}{dimensions} at {}", settings.model, settings.url);
        Self {
            agent,
            settings,
            url,
            name,
        }
    }

    fn ask(&self, input: &[String]) -> Result<Vec<Vec<f32>>> {
        let question = Question {
            model: &self.settings.model,
            input,
            encoding_format: "float",
            dimensions: self.settings.dimensions,
        };
        let mut request = self.agent.post(&self.url);
        if let Some(key) = &self.settings.api_key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request
            .send_json(&question)
            .map_err(|error| self.unavailable(error.to_string()))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
        let text = body
            .read_to_string()
            .map_err(|error| self.unavailable(error.to_string()))?;
        // A server that is overloaded or starting says so with 429 or 5xx; everything else stays as it is.
        if status.as_u16() == 429 || status.is_server_error() {
            return Err(self.unavailable(format!("HTTP {status}: {}", beginning(&text))));
        }
        if !status.is_success() {
            return Err(self.bad_answer(format!("HTTP {status}: {}", beginning(&text))));
        }
        let answer = serde_json::from_str(&text).map_err(|error| {
            self.bad_answer(format!(
                "it is no list of embeddings ({error}): {}",
                beginning(&text)
            ))
        })?;
        self.in_order(answer, input.len())
    }

    /// The vectors in the order of the texts.
    fn in_order(&self, answer: Answer, expected: usize) -> Result<Vec<Vec<f32>>> {
        let mut vectors = vec![Vec::new(); expected];
        for embedded in answer.data {
            if let Some(place) = vectors.get_mut(embedded.index) {
                *place = embedded.embedding;
            }
        }
        let dimensions = vectors.first().map_or(0, Vec::len);
        let usable = |vector: &Vec<f32>| {
            !vector.is_empty() && vector.len() == dimensions && vector.iter().all(|x| x.is_finite())
        };
        if !vectors.iter().all(usable) {
            let reason = format!("expected {expected} vectors of one length without gaps");
            return Err(self.bad_answer(reason));
        }
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }

    fn unavailable(&self, reason: String) -> EmbeddingError {
        EmbeddingError::Unavailable {
            url: self.url.clone(),
            reason,
        }
    }

    fn bad_answer(&self, reason: String) -> EmbeddingError {
        EmbeddingError::BadAnswer {
            url: self.url.clone(),
            reason,
        }
    }
}

/// As much of an answer as fits a line.
fn beginning(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
}

impl EmbeddingProvider for Service {
    fn model(&self) -> &str {
        &self.name
    }

    fn embed(&self, passages: &[Passage<'_>]) -> Result<Vec<Vec<f32>>> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = passages
            .iter()
            .map(|passage| format!("{}\n{}", passage.title, passage.text))
            .collect();
        self.ask(&texts)
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>> {
        let mut vectors = self.ask(&[query.to_owned()])?;
        Ok(vectors.pop().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// A server that gives these answers, one a connection, and returns what it was sent.
    fn server(answers: &[(u16, &str)]) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/", listener.local_addr().unwrap());
        let answers: Vec<(u16, String)> = answers
            .iter()
            .map(|(status, body)| (*status, (*body).to_owned()))
            .collect();
        let served = std::thread::spawn(move || {
            let serve = |(status, body): &(u16, String)| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_request(&mut BufReader::new(&stream));
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .unwrap();
                request
            };
            answers.iter().map(serve).collect()
        });
        (url, served)
    }

    fn read_request(reader: &mut impl BufRead) -> String {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            reader.read_line(&mut request).unwrap();
        }
        let length = request
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        request + std::str::from_utf8(&body).unwrap()
    }

    fn service(url: &str) -> Service {
        Service::new(Settings {
            url: url.to_owned(),
            model: "m".to_owned(),
            api_key: Some("canary".to_owned()),
            dimensions: Some(2),
            timeout: Duration::from_secs(20),
        })
    }

    const PASSAGES: [Passage<'static>; 2] = [
        Passage {
            title: "f",
            text: "one",
        },
        Passage {
            title: "g",
            text: "two",
        },
    ];

    #[test]
    fn vectors_come_back_in_the_order_of_the_texts_and_one_long() {
        let body =
            r#"{"data": [{"index": 1, "embedding": [0, 5]}, {"index": 0, "embedding": [3, 4]}]}"#;
        let (url, served) = server(&[(200, body)]);
        let service = service(&url);
        assert_eq!(service.embed(&PASSAGES).unwrap(), [[0.6, 0.8], [0.0, 1.0]]);
        let request = served.join().unwrap().remove(0);
        assert!(
            request.starts_with("POST /v1/embeddings HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request
                .to_lowercase()
                .contains("authorization: bearer canary\r\n"),
            "{request}"
        );
        let body = request.split("\r\n\r\n").nth(1).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(body).unwrap(),
            serde_json::json!({
                "model": "m", "input": ["f\none", "g\ntwo"], "encoding_format": "float", "dimensions": 2
            })
        );
        assert_eq!(service.model(), format!("m@2 at {url}"));
    }

    #[test]
    fn a_service_that_is_busy_is_told_from_one_that_refuses() {
        let short = r#"{"data": [{"index": 0, "embedding": [1, 0]}]}"#;
        let ragged =
            r#"{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": [1]}]}"#;
        let (url, served) = server(&[
            (503, "loading"),
            (429, "slow down"),
            (401, "bad key"),
            (200, "<html>"),
            (200, short),
            (200, ragged),
        ]);
        let service = service(&url);
        let errors: Vec<EmbeddingError> = (0..6)
            .map(|_| service.embed(&PASSAGES).unwrap_err())
            .collect();
        let busy = |error: &EmbeddingError| matches!(error, EmbeddingError::Unavailable { .. });
        assert_eq!(
            errors.iter().map(busy).collect::<Vec<_>>(),
            [true, true, false, false, false, false]
        );
        assert!(
            errors[2].to_string().contains("401") && errors[2].to_string().contains("bad key"),
            "{}",
            errors[2]
        );
        assert!(
            errors
                .iter()
                .all(|error| !error.to_string().contains("canary"))
        );
        served.join().unwrap();
        assert!(busy(&service.embed_query("x").unwrap_err()));
    }
}
