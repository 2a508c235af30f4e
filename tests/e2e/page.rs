//! The page at `/` in a real browser: it loads, shows live data, searches, complains of nothing, and asks nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::browser::Browser;
use crate::support::sandbox::Sandbox;
use crate::support::server::{Server, eventually};

/// A shop that is watched, its server, and the page in a browser.
fn opened() -> Option<(Sandbox, Server, Browser)> {
    let sandbox = indexed_shop();
    let browser = Browser::start(&sandbox.path().join("home"))?;
    let shop = sandbox.work().join("shop");
    let server = sandbox.serve(&["--watch", shop.to_str().unwrap()]);
    browser.open(&server.url);
    Some((sandbox, server, browser))
}

/// The text of the element with this id.
fn text(browser: &Browser, id: &str) -> String {
    let script = format!("return document.getElementById('{id}').textContent");
    browser.run(&script).as_str().unwrap().to_owned()
}

fn shows(browser: &Browser, id: &str, wanted: &str) {
    eventually(&format!("#{id} shows {wanted:?}"), || {
        text(browser, id).contains(wanted).then_some(())
    });
}

/// Nothing was complained of on the console, and every request went to the server.
fn assert_quiet(browser: &Browser, server: &Server) {
    let complaints: Vec<Value> = browser
        .log("browser")
        .into_iter()
        .filter(|entry| entry["level"] != "DEBUG" && entry["level"] != "INFO")
        .collect();
    assert_eq!(complaints, [] as [Value; 0]);
    let messages = browser.log("performance").into_iter().map(|entry| {
        let message = entry["message"].as_str().unwrap();
        serde_json::from_str::<Value>(message).unwrap()["message"].clone()
    });
    let asked: Vec<String> = messages
        .filter(|message| message["method"] == "Network.requestWillBeSent")
        .map(|message| {
            message["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .filter(|url| !url.starts_with("data:") && !url.starts_with("chrome"))
        .collect();
    assert!(asked.len() > 9, "{asked:?}");
    for url in asked {
        assert!(url.starts_with(&server.url), "{url}");
    }
}

#[test]
fn the_page_shows_live_data_and_finds_code() {
    let Some((sandbox, server, browser)) = opened() else {
        return;
    };
    shows(&browser, "status", "all is well");
    shows(
        &browser,
        "projects",
        sandbox.work().join("shop").to_str().unwrap(),
    );
    shows(&browser, "projects", "watched");
    shows(&browser, "workers", "Database");
    shows(&browser, "workers", "File watcher");
    shows(&browser, "drivers", "in use");
    shows(&browser, "numbers", "Methods");
    shows(&browser, "drift", "not looked at");
    shows(&browser, "drift-note", "start_repair_worker");
    for plot in ["plot-size", "plot-check", "plot-request"] {
        eventually(plot, || {
            let script = format!(
                "return document.querySelector('#{plot} polyline')?.getAttribute('points')"
            );
            browser.run(&script).is_string().then_some(())
        });
    }
    browser.type_into("#query", "discount code\n");
    shows(&browser, "found", "hits for");
    shows(&browser, "hits", "shop/discounts.py");
    assert_eq!(
        browser.run("return document.querySelector('#hits mark') !== null"),
        true
    );
    browser.run("document.querySelectorAll('details').forEach((log) => { log.open = true; })");
    shows(&browser, "workers", " INFO ");
    server.rpc("start_repair_worker", &json!({}));
    shows(&browser, "drift", "files compared");
    shows(&browser, "workers", "Repair");
    // A file that appears on disk appears on the page.
    fs::write(
        sandbox.work().join("shop/shop/new.py"),
        "class BrandNew:\n    pass\n",
    )
    .unwrap();
    eventually("the new file", || {
        let files = browser.run("return document.querySelector('#projects .number').textContent");
        (files == "5").then_some(())
    });
    assert_quiet(&browser, &server);
}

#[test]
fn the_page_of_a_guarded_server_asks_for_the_token() {
    const TOKEN: &str = "canary-0123456789abcdef";
    let sandbox = indexed_shop();
    let Some(browser) = Browser::start(&sandbox.path().join("home")) else {
        return;
    };
    let tokens = sandbox.path().join("tokens");
    fs::write(&tokens, TOKEN).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let file = sandbox.config(&json!({"server": {"token_file": "tokens"}}));
    let server = sandbox.serve(&["--config", &file]);
    browser.open(&server.url);
    let is_asked = || {
        let open = browser.run("return document.getElementById('ask').open");
        (open == true).then_some(())
    };
    eventually("it asks", is_asked);
    assert_eq!(text(&browser, "projects"), "", "nothing is shown before");
    browser.type_into("#token", "another-token-0123456789\n");
    shows(&browser, "ask-problem", "does not know this token");
    eventually("it asks again", is_asked);
    browser.type_into("#token", &format!("{TOKEN}\n"));
    shows(&browser, "status", "all is well");
    shows(&browser, "projects", "shop");
    let kept = browser.run("return [location.href, document.cookie, localStorage.length]");
    assert_eq!(kept, json!([format!("{}/", server.url), "", 0]));
}

#[test]
fn the_page_says_when_the_server_is_gone() {
    let Some((_sandbox, server, browser)) = opened() else {
        return;
    };
    shows(&browser, "status", "all is well");
    drop(server);
    shows(&browser, "status", "no answer");
    shows(&browser, "problem", "does not answer as it should");
}

/// Names of colours that stand on each other as text and ground.
const PAIRS: [[&str; 2]; 12] = [
    ["--text", "--card"],
    ["--text", "--ground"],
    ["--quiet", "--card"],
    ["--quiet", "--ground"],
    ["--accent", "--card"],
    ["--accent", "--accent-soft"],
    ["--on-accent", "--accent"],
    ["--good", "--good-soft"],
    ["--warn", "--warn-soft"],
    ["--bad", "--bad-soft"],
    ["--text", "--mark"],
    ["--text", "--code"],
];

/// The ratio of WCAG 2.2 between two colours of the page.
const CONTRAST: &str = "
    const style = getComputedStyle(document.documentElement);
    const light = (name) => {
        const digits = style.getPropertyValue(name).trim().slice(1);
        const [r, g, b] = [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16) / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [less, more] = [light(PAIR[0]), light(PAIR[1])].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);";

fn assert_readable(browser: &Browser, scheme: &str) {
    for pair in PAIRS {
        let script = format!("const PAIR = {}; {CONTRAST}", json!(pair));
        let ratio = browser.run(&script).as_f64().unwrap();
        // Level AA for text of any size: https://www.w3.org/TR/WCAG22/#contrast-minimum
        assert!(ratio >= 4.5, "{scheme}: {pair:?} {ratio}");
    }
}

/// Saves what the browser shows; people look at it.
fn screenshot(browser: &Browser, name: &str) {
    let shot = browser.debug(
        "Page.captureScreenshot",
        json!({"format": "png", "captureBeyondViewport": true}),
    );
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    fs::create_dir_all(&place).unwrap();
    let image = BASE64_STANDARD.decode(shot["data"].as_str().unwrap());
    fs::write(place.join(format!("{name}.png")), image.unwrap()).unwrap();
}

#[test]
fn the_page_is_readable_in_light_and_dark_and_on_a_phone() {
    let Some((_sandbox, _server, browser)) = opened() else {
        return;
    };
    shows(&browser, "projects", "shop");
    browser.type_into("#query", "discount\n");
    shows(&browser, "found", "hits for");
    for scheme in ["light", "dark"] {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.debug("Emulation.setEmulatedMedia", json!({ "features": feature }));
        assert_readable(&browser, scheme);
        screenshot(&browser, scheme);
    }
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true});
    browser.debug("Emulation.setDeviceMetricsOverride", phone);
    let wide = browser.run("return document.documentElement.scrollWidth");
    assert!(
        wide.as_u64().unwrap() <= 390,
        "the page is {wide} wide on a phone of 390"
    );
    screenshot(&browser, "phone");
}

#[test]
fn everything_has_a_name_and_is_reached_by_the_keyboard() {
    let Some((_sandbox, _server, browser)) = opened() else {
        return;
    };
    shows(&browser, "projects", "shop");
    let tree = browser.debug("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let role = |node: &Value| {
        node["role"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let named = |node: &Value| {
        node["name"]["value"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    };
    for wanted in ["main", "banner", "search", "heading", "table"] {
        assert!(nodes.iter().any(|node| role(node) == wanted), "{wanted}");
    }
    for node in nodes.iter().filter(|node| node["ignored"] != true) {
        let needs_name = [
            "button",
            "searchbox",
            "combobox",
            "link",
            "region",
            "dialog",
            "progressbar",
            "image",
        ];
        let role = role(node);
        if needs_name.contains(&role.as_str()) {
            // The icon beside the title is decoration, and is ignored.
            assert!(named(node), "{node}");
        }
    }
    // The first stop of the keyboard leads past the header.
    browser.debug(
        "Input.dispatchKeyEvent",
        json!({"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
    );
    assert_eq!(
        browser.run("return document.activeElement.className"),
        "skip"
    );
}
