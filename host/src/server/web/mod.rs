//! The page at `/`: static files that are part of the program, so that it works offline and asks nobody else.
//!
//! The files hold no data; what they show comes from the other doors, with whatever those ask for.

use axum::Router;
use axum::http::Uri;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

/// The browser runs and loads what comes from this server, and nothing else; no other page may frame this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, type, content.
const FILES: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("page.html")),
    ("/page/page.css", CSS, include_str!("page.css")),
    ("/page/icon.svg", SVG, include_str!("icon.svg")),
    ("/page/page.js", SCRIPT, include_str!("page.js")),
    ("/page/server.js", SCRIPT, include_str!("server.js")),
    ("/page/dom.js", SCRIPT, include_str!("dom.js")),
    ("/page/plot.js", SCRIPT, include_str!("plot.js")),
    ("/page/search.js", SCRIPT, include_str!("search.js")),
    ("/page/drift.js", SCRIPT, include_str!("drift.js")),
    ("/page/workers.js", SCRIPT, include_str!("workers.js")),
];

/// Whether a request is for the page itself, which holds nothing that a stranger may not see. A browser cannot show
/// a token before there is a page to type it into.
pub(super) fn is_page(uri: &Uri) -> bool {
    FILES.iter().any(|(path, _, _)| *path == uri.path())
}

/// The page and its parts.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .into_iter()
        .fold(Router::new(), |router, (path, kind, content)| {
            router.route(path, get(move || async move { file(kind, content) }))
        })
}

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Another version of the program has another page.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that comes after `before` up to `"` in `text`.
    fn after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
        let rest = text.split(before).skip(1);
        rest.map(|rest| rest.split('"').next().unwrap()).collect()
    }

    #[test]
    fn the_page_loads_only_files_that_are_served() {
        for (_, _, text) in FILES {
            let loaded = ["src=\"", "href=\"", " from \"."]
                .iter()
                .flat_map(|before| after(text, before))
                .filter(|path| !path.starts_with('#'));
            for path in loaded {
                let name = path.trim_start_matches("/page/").trim_start_matches('/');
                assert!(
                    FILES
                        .iter()
                        .any(|(file, _, _)| *file == format!("/page/{name}")),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn no_file_names_another_place_and_no_text_becomes_markup() {
        for (path, _, text) in FILES {
            let names = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !names.contains("http:") && !names.contains("https:"),
                "{path}"
            );
            for word in [
                "innerHTML =",
                "insertAdjacentHTML",
                "eval(",
                "document.write",
                " style=\"",
                " onclick=",
            ] {
                assert!(!text.contains(word), "{path}: {word}");
            }
        }
    }

    #[test]
    fn every_control_has_a_label() {
        let (_, _, page) = FILES[0];
        for control in ["<input ", "<select "] {
            for part in page.split(control).skip(1) {
                let id = after(part, "id=\"")[0];
                assert!(page.contains(&format!("<label for=\"{id}\"")), "{id}");
            }
        }
    }
}
