//! Single messages to the door over HTTP: what is listed, what is short, and what is refused.

use std::fs;

use serde_json::{Value, json};

use crate::cli::indexed_shop;
use crate::support::sandbox::Sandbox;
use crate::support::server::Server;

/// The revision that has no sessions: each request stands alone.
const REVISION: &str = "2026-07-28";

/// What an answer is: its HTTP status, and its JSON, whether it came alone or as an event.
fn ask(server: &Server, address: &str, method: &str, params: Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let name = ["name", "uri"].iter().find_map(|key| params[*key].as_str());
    let mut request = agent
        .post(format!("{}{address}", server.url))
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", REVISION)
        .header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut answer = request.send_json(&body).unwrap();
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().unwrap();
    let mut events = text.lines().rev();
    let json = events.find_map(|line| line.strip_prefix("data:"));
    let json = json.unwrap_or(&text);
    (
        status,
        serde_json::from_str(json.trim()).unwrap_or_else(|_| json!(text)),
    )
}

fn result(server: &Server, method: &str, params: Value) -> Value {
    let (_, answer) = ask(server, "/mcp", method, params);
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// Opens a session of a revision that has them; its id, or the status of the refusal.
fn initialize(server: &Server) -> Result<String, u16> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let answer = agent
        .post(format!("{}/mcp", server.url))
        .header("accept", "application/json, text/event-stream")
        .send_json(&hello)
        .unwrap();
    match answer.headers().get("mcp-session-id") {
        Some(id) => Ok(id.to_str().unwrap().to_owned()),
        None => Err(answer.status().as_u16()),
    }
}

fn tool_names(server: &Server, address: &str) -> Vec<String> {
    let (_, answer) = ask(server, address, "tools/list", json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn few_tools_are_listed_and_the_rest_by_a_toolset() {
    let sandbox = indexed_shop();
    let server = sandbox.serve(&[]);
    let core = tool_names(&server, "/mcp");
    assert_eq!(core.len(), 9);
    assert_eq!(core[0], "list_projects");
    // It finds by words, and says so, where no code has a vector.
    assert!(core.contains(&"semantic_search".to_owned()), "{core:?}");
    let found = json!({"name": "semantic_search", "arguments": {"query": "discount"}});
    let found = &result(&server, "tools/call", found)["structuredContent"];
    assert_eq!(found["degraded"], true, "{found}");
    assert!(found["count"].as_u64().unwrap() > 0, "{found}");
    let read = tool_names(&server, "/mcp?toolset=read");
    assert!(read.contains(&"get_worker_status".to_owned()));
    assert!(!read.contains(&"delete_project".to_owned()), "{read:?}");
    let all = tool_names(&server, "/mcp?toolset=all");
    assert!(all.contains(&"delete_project".to_owned()), "{all:?}");
    let (status, answer) = ask(&server, "/mcp?toolset=every", "tools/list", json!({}));
    assert_eq!(status, 400);
    assert!(
        answer.as_str().unwrap().contains("core, read and all"),
        "{answer}"
    );
    let call = json!({"name": "delete_project", "arguments": {"project_id": "x"}});
    let (_, refused) = ask(&server, "/mcp?toolset=read", "tools/call", call);
    assert_eq!(refused["error"]["code"], -32602);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("connect with the toolset `all`"),
        "{message}"
    );
}

#[test]
fn an_answer_is_short_unless_more_is_asked_for() {
    let sandbox = Sandbox::new();
    let tree = sandbox.work().join("many");
    fs::create_dir(&tree).unwrap();
    for number in 0..120 {
        fs::write(
            tree.join(format!("a_file_with_a_long_name_{number}.py")),
            "x = 1\n",
        )
        .unwrap();
    }
    sandbox.host(&["index", "many"]).ok();
    let server = sandbox.serve(&[]);
    let call = |arguments: Value| {
        let params = json!({"name": "list_project_files", "arguments": arguments});
        result(&server, "tools/call", params)["structuredContent"].clone()
    };
    let short = call(json!({}));
    assert!(
        short["files"].to_string().len() <= 4 * 4000 + 1000,
        "{short}"
    );
    assert_eq!(short["has_more"], true);
    let whole = call(json!({"max_tokens": 1_000_000, "limit": 120}));
    assert_eq!(
        (&whole["count"], &whole["has_more"]),
        (&json!(120), &json!(false))
    );
    let mut paths = Vec::new();
    let mut arguments = json!({"max_tokens": 2000});
    loop {
        let page = call(arguments.clone());
        let files = page["files"].as_array().unwrap();
        paths.extend(files.iter().map(|file| file["relative_path"].clone()));
        let Some(cursor) = page.get("next_cursor") else {
            break;
        };
        arguments["cursor"] = cursor.clone();
    }
    let expected: Vec<Value> = whole["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["relative_path"].clone())
        .collect();
    assert_eq!(paths, expected);
}

#[test]
fn a_file_is_read_only_where_it_is_indexed() {
    let sandbox = indexed_shop();
    let root = sandbox.work().join("shop");
    fs::write(root.join("secret.txt"), "s").unwrap();
    fs::write(sandbox.work().join("outside.py"), "s").unwrap();
    let server = sandbox.serve(&[]);
    let listed = result(&server, "resources/list", json!({}));
    let project = listed["resources"][0]["uri"].as_str().unwrap().to_owned();
    let about = result(&server, "resources/read", json!({ "uri": project }));
    let about: Value =
        serde_json::from_str(about["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(about["root_path"], root.to_str().unwrap());
    let file = format!("{project}/files/shop/cart.py");
    let read = result(&server, "resources/read", json!({ "uri": file }));
    let text = fs::read_to_string(root.join("shop/cart.py")).unwrap();
    assert_eq!(read["contents"][0]["text"], text);
    for path in [
        "secret.txt",
        "../outside.py",
        "shop/../../outside.py",
        "%2e%2e/outside.py",
        "%2Fetc%2Fpasswd",
    ] {
        let uri = format!("{project}/files/{path}");
        let (_, answer) = ask(&server, "/mcp", "resources/read", json!({ "uri": uri }));
        assert_eq!(answer["error"]["code"], -32602, "{path}: {answer}");
    }
    // What was indexed as a file and leads elsewhere now.
    fs::remove_file(root.join("shop/cart.py")).unwrap();
    std::os::unix::fs::symlink(sandbox.work().join("outside.py"), root.join("shop/cart.py"))
        .unwrap();
    let (_, answer) = ask(&server, "/mcp", "resources/read", json!({ "uri": file }));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("leads out of its project"), "{answer}");
}

#[test]
fn pages_of_other_sites_and_other_names_are_refused_here_too() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    for (name, value) in [("origin", "http://evil.example"), ("host", "evil.example")] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let answer = agent
            .post(format!("{}/mcp", server.url))
            .header(name, value)
            .send_json(json!({}))
            .unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{name}");
    }
}

#[test]
fn an_open_stream_does_not_keep_the_server_from_ending() {
    let sandbox = Sandbox::new();
    let mut server = sandbox.serve(&[]);
    let session = initialize(&server).unwrap();
    let agent: ureq::Agent = ureq::Agent::new_with_defaults();
    let stream = agent
        .get(format!("{}/mcp", server.url))
        .header("accept", "text/event-stream")
        .header("mcp-session-id", session)
        .call()
        .unwrap();
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    drop(stream);
}

#[test]
fn sessions_are_bounded_and_one_that_ends_makes_room() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let open = || initialize(&server);
    let sessions: Vec<String> = (0..256).map(|_| open().unwrap()).collect();
    assert_eq!(open(), Err(503));
    let ended = ureq::delete(format!("{}/mcp", server.url))
        .header("mcp-session-id", &sessions[0])
        .call()
        .unwrap();
    assert!(ended.status().is_success());
    open().unwrap();
    // Whoever speaks a revision without sessions is served all the same.
    assert_eq!(tool_names(&server, "/mcp").len(), 9);
}
