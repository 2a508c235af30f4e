//! Answers the requests of agents: what there is, what it is called with, and what came of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::backend::{Backend, Failure, Step};
use super::resources::{self, Address};
use super::toolset::Toolset;
use super::{lists, tools};
use crate::commands::command::Command;
use crate::commands::error::CommandError;
use crate::commands::registry::Registry;

/// Least time between two notifications of one call's progress: nobody reads faster.
const PAUSE: Duration = Duration::from_millis(100);

/// What an agent is told of this server.
const INSTRUCTIONS: &str = "Answers questions about indexed source trees: definitions with exact lines, usages, \
full-text search. Begin with `list_projects`; a directory that is not there is indexed by `update_indexes`. Answers \
are pages: pass `next_cursor` on as `cursor`, and raise `max_tokens` or `limit` for longer ones. More commands are \
listed when the client connects with the toolset `read` or `all`.";

/// The commands as an agent sees them.
#[derive(Clone)]
pub(super) struct McpDoor {
    backend: Arc<dyn Backend>,
    /// The set for requests that name none.
    toolset: Toolset,
}

impl McpDoor {
    /// A door to the commands of `toolset`, which `backend` runs.
    pub(super) fn new(backend: Arc<dyn Backend>, toolset: Toolset) -> Self {
        Self { backend, toolset }
    }

    /// The set that the request asks for. HTTP carries it with each request.
    fn toolset(&self, context: &RequestContext<RoleServer>) -> Toolset {
        let of_request = context.extensions.get::<axum::http::request::Parts>();
        of_request
            .and_then(|parts| parts.extensions.get::<Toolset>())
            .copied()
            .unwrap_or(self.toolset)
    }

    /// Runs a command and passes on how far it is; asks it to stop when the client cancels or is gone.
    async fn run(
        &self,
        command: &str,
        parameters: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, Failure> {
        let (tell, mut told) = watch::channel(Step::default());
        let mut running = self.backend.call(command, parameters, tell);
        let mut listener = Listener::of(context);
        loop {
            tokio::select! {
                outcome = &mut running => return outcome,
                () = context.ct.cancelled() => {
                    // Dropping the call is what stops it; nobody waits for this answer.
                    return Err(Failure::new("CANCELLED", "the call was cancelled"));
                }
                Ok(()) = told.changed(), if listener.is_some() => {
                    let step = told.borrow_and_update().clone();
                    if let Some(listener) = &mut listener {
                        listener.hear(step, context).await;
                    }
                }
            }
        }
    }
}

/// A client that asked to hear how far its call is.
struct Listener {
    token: rmcp::model::ProgressToken,
    heard: Option<Instant>,
}

impl Listener {
    fn of(context: &RequestContext<RoleServer>) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        Some(Self { token, heard: None })
    }

    async fn hear(&mut self, step: Step, context: &RequestContext<RoleServer>) {
        if self.heard.is_some_and(|heard| heard.elapsed() < PAUSE) {
            return;
        }
        self.heard = Some(Instant::now());
        // Exact below 2^53 files.
        let mut told = ProgressNotificationParam::new(self.token.clone(), step.done as f64);
        if step.total > 0 {
            told = told.with_total(step.total as f64);
        }
        if !step.at.is_empty() {
            told = told.with_message(step.at);
        }
        if let Err(error) = context.peer.notify_progress(told).await {
            // The call goes on; that the client is gone is seen by other means.
            tracing::debug!(%error, "a client did not hear of its progress");
        }
    }
}

impl ServerHandler for McpDoor {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        let this = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .with_title("Code analysis host");
        ServerConfig::new(capabilities)
            .with_server_info(this)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let start = start_of(request)?;
        let listed: Result<Vec<Tool>, CommandError> = self
            .toolset(&context)
            .of(Registry::all().commands())
            .into_iter()
            .map(tools::tool)
            .collect();
        let listed = listed.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let (page, next_cursor) = lists::page(listed, start);
        let mut result = ListToolsResult::with_all_items(page);
        result.next_cursor = next_cursor;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let command = tool_named(&request.name, self.toolset(&context))?;
        let parameters = tools::with_budget(command, request.arguments.unwrap_or_default());
        let outcome = self
            .run(command.name(), Value::Object(parameters), &context)
            .await;
        let result = outcome.map_or_else(|error| tools::failure(&error), tools::success);
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let start = start_of(request)?;
        let page = json!({"limit": lists::PAGE, "offset": start});
        let answer = self.run("list_projects", page, &context).await;
        let answer = answer.map_err(|failure| unavailable(&failure))?;
        let projects = answer["projects"].as_array().map_or(&[][..], Vec::as_slice);
        let listed = projects.iter().filter_map(resources::project).collect();
        let mut result = ListResourcesResult::with_all_items(listed);
        result.next_cursor =
            (answer["has_more"] == true).then(|| lists::cursor(start + projects.len()));
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let (page, next_cursor) = lists::page(resources::templates(), start_of(request)?);
        let mut result = ListResourceTemplatesResult::with_all_items(page);
        result.next_cursor = next_cursor;
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let address = Address::parse(&uri).ok_or_else(|| no_resource(&uri, "no such address"))?;
        let (command, parameters) = address.question();
        let answer = match self.run(command, parameters, &context).await {
            Ok(answer) => answer,
            Err(failure) if is_absence(&failure) => {
                return Err(no_resource(&uri, failure.message()));
            }
            Err(failure) => return Err(unavailable(&failure)),
        };
        let (text, mime_type) = address.text(answer);
        let contents = ResourceContents::text(text, uri).with_mime_type(mime_type);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let command = Registry::all().find(name).ok()?;
        tools::tool(command).ok()
    }
}

fn start_of(request: Option<PaginatedRequestParams>) -> Result<usize, ErrorData> {
    lists::start(request.and_then(|request| request.cursor).as_deref())
}

fn tool_named(name: &str, toolset: Toolset) -> Result<&'static Command, ErrorData> {
    let found = Registry::all().find(name);
    let command = found.map_err(|error| {
        ErrorData::invalid_params(format!("unknown tool: {}", error.message()), error.data())
    })?;
    if toolset.has(command) {
        return Ok(command);
    }
    let message = format!(
        "unknown tool: `{name}` is not in the toolset `{toolset}`; connect with the toolset `{}`",
        Toolset::ALL
            .into_iter()
            .find(|set| set.has(command))
            .unwrap_or(Toolset::All)
    );
    Err(ErrorData::invalid_params(message, None))
}

/// Whether the thing that was asked for is not there, as opposed to out of reach.
fn is_absence(failure: &Failure) -> bool {
    let absent = [
        "PROJECT_NOT_FOUND",
        "FILE_NOT_FOUND",
        "PATH_NOT_FOUND",
        "PATH_UNUSABLE",
        "INVALID_PARAMETERS",
    ];
    absent.contains(&failure.code())
}

fn no_resource(uri: &str, why: &str) -> ErrorData {
    let message = format!(
        "there is no resource {uri}: {why}; resources/list and resources/templates/list tell which there are"
    );
    ErrorData::resource_not_found(message, Some(json!({ "uri": uri })))
}

fn unavailable(failure: &Failure) -> ErrorData {
    ErrorData::internal_error(failure.message().to_owned(), Some(failure.0.clone()))
}
