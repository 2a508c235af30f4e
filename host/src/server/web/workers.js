// Worker processes as cards: state, restarts, what they do, how they last ended, and their logs.

import { ago, byId, bytes, duration, element, number, pill } from "./dom.js";
import { command } from "./server.js";

const STATES = {
  ready: "good", adopted: "good", starting: "wait", stopping: "wait", backing_off: "bad", failed: "bad", stopped: "wait",
};
const KINDS = {
  database: "Database", file_watcher: "File watcher", vectorization: "Vectorization", repair: "Repair", indexing: "Indexing",
};

/** The cards by the name of their worker; a card stays while its worker does, so an open log stays open. */
const cards = new Map();

function facts(worker, log) {
  const beat = worker.heartbeat ?? {};
  const rows = [
    ["Process", worker.pid ?? "none"],
    ["Up for", duration(worker.uptime_seconds)],
    ["Restarts", number(worker.restarts)],
  ];
  if (beat.activity) rows.push(["Activity", beat.activity]);
  if (beat.directories_watched !== undefined) rows.push(["Watches", `${number(beat.directories_watched)} directories`]);
  if (beat.files_indexed !== undefined) {
    rows.push(["Indexed", `${number(beat.files_indexed)} files, ${number(beat.files_deleted)} deleted`]);
  }
  if (beat.files_repaired !== undefined) {
    rows.push(["Looks", `${number(beat.looks)}, ${number(beat.files_checked)} files compared`]);
    rows.push(["Repaired", `${number(beat.files_repaired)} files, ${number(beat.rows_repaired)} rows`]);
  }
  if (beat.last_scan) rows.push(["Last scan", ago(beat.last_scan)]);
  if (beat.degraded) rows.push(["Degraded", beat.degraded]);
  if (beat.last_error) rows.push(["Last error", beat.last_error]);
  if (beat.requests !== undefined) {
    rows.push(["Requests", `${number(beat.requests)}, now ${number(beat.sessions)} clients`]);
    rows.push(["Writes", `${number(beat.writes)} in ${number(beat.commits)} commits`]);
  }
  if (worker.last_exit) rows.push(["Last end", lastEnd(worker.last_exit)]);
  if (log) rows.push(["Log", `${bytes(log.size_bytes)}, last line ${ago(log.last_write)}`]);
  return rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]);
}

function lastEnd({ cause, code, signal, stderr }) {
  const how = signal !== null ? `signal ${signal}` : code !== null ? `status ${code}` : null;
  return [cause, how, stderr.at(-1)].filter(Boolean).join("; ") || "unknown";
}

function card(worker) {
  const state = element("span");
  const list = element("dl");
  const lines = element("pre", { tabindex: "0", "aria-label": `Log of ${worker.name}` });
  const log = element("details", {}, element("summary", {}, "Log"), lines);
  const made = element("article", { class: "worker" },
    element("header", {}, element("h3", {}, KINDS[worker.kind] ?? worker.kind), state),
    element("p", { class: "quiet name mono" }, worker.name), list, log);
  const parts = { made, state, list, lines, log, worker: worker.name, kind: worker.kind };
  log.addEventListener("toggle", () => readLog(parts));
  return parts;
}

async function readLog({ log, lines, worker, kind }) {
  if (!log.open) return;
  try {
    const { logs } = await command("view_worker_logs", { worker_type: kind, tail: 60 });
    const own = logs.find((each) => each.worker === worker);
    const text = own && own.lines.length > 0 ? own.lines.join("\n") : "The log is empty.";
    if (lines.textContent !== text) {
      lines.textContent = text;
      lines.scrollTop = lines.scrollHeight;
    }
  } catch (error) {
    lines.textContent = error.message;
  }
}

/** Shows the answer of `get_worker_status`. */
export function showWorkers({ processes, log_activity: logs }) {
  const place = byId("workers");
  const names = new Set(processes.map((worker) => worker.name));
  for (const [name, { made }] of cards) {
    if (!names.has(name)) {
      made.remove();
      cards.delete(name);
    }
  }
  for (const worker of processes) {
    if (!cards.has(worker.name)) {
      cards.set(worker.name, card(worker));
      place.append(cards.get(worker.name).made);
    }
    const parts = cards.get(worker.name);
    parts.state.replaceChildren(pill(worker.state.replace("_", " "), STATES[worker.state] ?? ""));
    parts.list.replaceChildren(...facts(worker, logs.find((log) => log.worker === worker.name)));
    readLog(parts);
  }
  if (processes.length === 0) place.textContent = "This server needs no worker: its database is reached directly.";
}
