//! `workers list`: the workers of the running server, or who owns the database when none runs.

use serde_json::{Value, json};

use super::arguments::GlobalArguments;
use super::exit_code::Exit;
use super::failure::CliError;
use super::host;
use super::human;
use super::output::Output;
use super::server_client::ServerClient;
use crate::app::App;

/// Lists the workers; none is started for it.
pub(super) fn list(global: &GlobalArguments, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let config = host::configuration(global)?;
    let data = match ServerClient::find(&config) {
        Some(server) => of_server(&server)?,
        None => without_server(&host::build(global, config)?)?,
    };
    if output.is_json() {
        output.document(&data)?;
    } else {
        output.line(&headline(&data))?;
        output.lines(&human::render(
            "workers",
            &json!({"processes": data["processes"]}),
            output.width(),
        ))?;
    }
    Ok(Exit::Ok)
}

fn of_server(server: &ServerClient) -> Result<Value, CliError> {
    let mut status = server.call("get_worker_status", &json!({}))?;
    let endpoint = server.endpoint();
    Ok(json!({
        "server": {"url": endpoint.url, "pid": endpoint.pid, "version": endpoint.version},
        "processes": status["processes"].take(),
        "database_owner": null,
    }))
}

fn without_server(app: &App) -> Result<Value, CliError> {
    let owner = app.database_owner()?;
    let owner = owner
        .map(|owner| json!({"database": owner.database, "pid": owner.pid, "socket": owner.socket}));
    Ok(json!({"server": null, "processes": [], "database_owner": owner}))
}

fn headline(data: &Value) -> String {
    let (server, owner) = (&data["server"], &data["database_owner"]);
    if !server.is_null() {
        return format!(
            "server at {}, process {}:",
            human::scalar(&server["url"]),
            server["pid"]
        );
    }
    if owner.is_null() {
        return "no server runs for this database, and no worker owns it".to_owned();
    }
    format!(
        "no server runs for this database; {} is owned by the DB worker {} of another process",
        human::scalar(&owner["database"]),
        owner["pid"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_whom_the_workers_belong_to() {
        let served =
            json!({"server": {"url": "http://127.0.0.1:7", "pid": 3}, "database_owner": null});
        assert_eq!(
            headline(&served),
            "server at http://127.0.0.1:7, process 3:"
        );
        let alone = json!({"server": null, "database_owner": null});
        assert_eq!(
            headline(&alone),
            "no server runs for this database, and no worker owns it"
        );
        let owned = json!({"server": null, "database_owner": {"database": "/x.db", "pid": 9}});
        assert!(headline(&owned).contains("/x.db is owned by the DB worker 9"));
    }
}
