//! How the older program's server was protected: its certificates keep their meaning here, its tokens move to a file.

use serde_json::Value;

use super::Conversion;
use super::change::Fate;
use super::place::take;

const TLS: &str = "/code_analysis/server/tls";
const HOST: &str = "/code_analysis/server/host";

/// Brings the section `ssl` of the server to where it stands here, as far as its protocol made use of it.
pub(super) fn convert(conversion: &mut Conversion) {
    let protocol = text(conversion, "/server/protocol");
    let verifies = is_true(conversion, "/transport/verify_client");
    let has_certificate = conversion
        .value
        .pointer("/server/ssl/cert")
        .is_some_and(Value::is_string);
    let is_mutual = protocol.as_deref() == Some("mtls") || verifies;
    let is_tls = has_certificate && (is_mutual || protocol.as_deref() != Some("http"));
    if !is_tls {
        return;
    }
    move_to(conversion, "/server/ssl/cert", &format!("{TLS}/cert"));
    move_to(conversion, "/server/ssl/key", &format!("{TLS}/key"));
    if is_mutual {
        move_to(conversion, "/server/ssl/ca", &format!("{TLS}/client_ca"));
        noted(
            conversion,
            "/transport/verify_client",
            "server.tls.client_ca is there",
        );
    }
    noted(conversion, "/server/protocol", "server.tls is there");
    // Who had to show both is not let in with one of them: then only this machine is served.
    let asks_for_tokens = is_true(conversion, "/auth/use_token");
    let is_guarded = conversion
        .value
        .pointer(&format!("{TLS}/client_ca"))
        .is_some_and(Value::is_string);
    if is_guarded && !asks_for_tokens {
        move_to(conversion, "/server/host", HOST);
    }
}

fn text(conversion: &Conversion, pointer: &str) -> Option<String> {
    let text = conversion.value.pointer(pointer)?.as_str()?;
    Some(text.to_ascii_lowercase())
}

fn is_true(conversion: &Conversion, pointer: &str) -> bool {
    conversion.value.pointer(pointer) == Some(&Value::Bool(true))
}

fn move_to(conversion: &mut Conversion, old: &str, new: &str) {
    if let Some(value) = take(&mut conversion.value, old).filter(|value| !value.is_null()) {
        conversion.put(old, new, value, None);
    }
}

fn noted(conversion: &mut Conversion, old: &str, because: &str) {
    if take(&mut conversion.value, old).is_some_and(|value| !value.is_null()) {
        conversion.note(old, Fate::placed(TLS, Some(because)));
    }
}
