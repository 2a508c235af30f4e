// Asks the server; a token, where it wants one, stays in this tab.

const TOKEN = "code-analysis-token";

/** The server wants a token, or another one. */
export class TokenNeeded extends Error {}

/** A command ran and failed, or could not run. */
export class CommandFailed extends Error {}

export function rememberToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.status === 401) throw new TokenNeeded("the server asks for a token");
  if (!answer.ok) throw new Error(`the server answers ${answer.status} to ${path}`);
  return answer.json();
}

/** What `/health` says. */
export function health() {
  return ask("/health");
}

let calls = 0;

/** Runs a command and gives its data. */
export async function command(method, params = {}) {
  calls += 1;
  const body = JSON.stringify({ jsonrpc: "2.0", id: calls, method, params });
  const headers = { "Content-Type": "application/json" };
  const answer = await ask("/api/jsonrpc", { method: "POST", headers, body });
  const error = answer.error ?? answer.result?.error;
  if (error) throw new CommandFailed(error.message);
  return answer.result.data;
}
