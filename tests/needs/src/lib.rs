//! The attribute that has a test counted as ignored, with the reason, where what it needs is missing.

use proc_macro::{TokenStream, TokenTree};
use test_installed::{GIT, IPROUTE2, MARIADB, POSTGRESQL, pgvector_missing};

/// Goes before `#[test]`, with what the test needs: `postgresql`, `mariadb`, `iproute2`, `git`, `namespaces` (the
/// right to make network namespaces), `pgvector` (that extension of PostgreSQL). Where something is missing, the
/// test gets `#[ignore = "..."]`: the runner prints the reason in its line and counts it as ignored.
///
/// Where the environment says `CI=true`, a program that is missing is no reason: the test runs, and fails. pgvector stays
/// one, because Debian has it in some releases only.
#[proc_macro_attribute]
pub fn needs(needs: TokenStream, test: TokenStream) -> TokenStream {
    let mut reasons = Vec::new();
    for need in needs {
        match need {
            TokenTree::Ident(name) => match missing(&name.to_string()) {
                Ok(reason) => reasons.extend(reason),
                Err(error) => return attribute(&format!("compile_error!({error:?});")),
            },
            TokenTree::Punct(comma) if comma.as_char() == ',' => {}
            other => return attribute(&format!("compile_error!(\"unexpected `{other}`\");")),
        }
    }
    let mut marked = TokenStream::new();
    if !reasons.is_empty() {
        marked.extend(attribute(&format!("#[ignore = {:?}]", reasons.join(", "))));
    }
    marked.extend(test);
    marked
}

/// Why a need is not met; an error for a word that is no need.
fn missing(need: &str) -> Result<Option<String>, String> {
    let package = match need {
        "postgresql" => POSTGRESQL,
        "mariadb" => MARIADB,
        "iproute2" => IPROUTE2,
        "git" => GIT,
        "namespaces" => return Ok((!may_make_namespaces()).then(|| NO_NAMESPACES.to_owned())),
        "pgvector" => return Ok(pgvector_missing()),
        _ => return Err(format!("no test can need `{need}`")),
    };
    let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    Ok(package.missing().filter(|_| !in_ci))
}

const NO_NAMESPACES: &str =
    "network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN, as root has them";

/// Whether this process has the two capabilities; their numbers are in `linux/capability.h`.
fn may_make_namespaces() -> bool {
    const BOTH: u64 = 1 << 21 | 1 << 12;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    effective.is_some_and(|mask| mask & BOTH == BOTH)
}

fn attribute(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
