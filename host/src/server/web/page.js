// Keeps the page up to date: what is asked how often, and where it is shown.

import { ago, byId, bytes, duration, element, milliseconds, number, ofJulianDay, pill, show } from "./dom.js";
import { showDrift } from "./drift.js";
import { Plot } from "./plot.js";
import { searchable } from "./search.js";
import { command, hasToken, health, rememberToken, TokenNeeded } from "./server.js";
import { showWorkers } from "./workers.js";

/** Milliseconds between two looks. */
const OFTEN = 2000;
/** Every so many looks what changes seldom is asked for, too. */
const SELDOM = 3;
const MOST_PROJECTS = 50;
/** Projects whose drift is shown. */
const MOST_DRIFT = 10;
/** Projects whose files are counted one by one. */
const COUNTED = 10;

const plots = {
  size: new Plot(byId("plot-size"), "Size of the database", bytes, 1024),
  check: new Plot(byId("plot-check"), "Latency of a check of the database", milliseconds),
  request: new Plot(byId("plot-request"), "Latency of a request", milliseconds),
};

function showHealth(state) {
  const isFine = state.status === "ok";
  byId("status").textContent = isFine ? "all is well" : "degraded";
  byId("status").className = `pill ${isFine ? "good" : "bad"}`;
  byId("facts").textContent = `version ${state.version} · ${state.database.driver} · up for ${duration(state.uptime_seconds)}`;
  trouble(state.database.problem ? `The database does not answer: ${state.database.problem}` : null);
  plots.check.add(state.database.latency_ms);
}

function trouble(text) {
  byId("problem").hidden = text === null;
  byId("problem").textContent = text ?? "";
}

function showNumbers(status) {
  const { files, chunks } = status;
  const rows = [
    ["Size", bytes(status.size_bytes)], ["Projects", number(status.projects)], ["Files", number(files.active)],
    ["Syntax errors", number(files.with_parse_errors)], ["Classes", number(status.classes)],
    ["Functions", number(status.functions)], ["Methods", number(status.methods)], ["Usages", number(status.usages)],
    ["Changed today", number(status.recent_activity.files_updated_24h)],
  ];
  if (chunks.total > 0) rows.push(["Vectors", `${Math.floor((chunks.vectorized * 100) / chunks.total)} %`]);
  show(byId("numbers"), ...rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  plots.size.add(status.size_bytes);
}

/** The running job that indexes this project's tree, if there is one. */
function indexJob(project, jobs) {
  return jobs.find((job) => job.status === "running" && job.command === "update_indexes"
    && (job.description ?? "").includes(project.root_path));
}

function watcherState(project, workers) {
  const watcher = workers.find((worker) => worker.kind === "file_watcher");
  const beat = watcher?.heartbeat;
  if (!beat || !(beat.projects ?? []).includes(project.root_path)) return pill("not watched");
  return beat.activity === "watching" ? pill("watched", "good") : pill(beat.activity, "wait");
}

function indexOf(project, counts, job) {
  if (job) {
    return [element("progress", { max: 100, value: job.progress, "aria-label": `Indexing ${project.root_path}` }),
      element("small", {}, `${job.progress} %`)];
  }
  if (!counts) return ["–"];
  const { files, chunks } = counts;
  const parsed = files.active - files.with_parse_errors;
  const share = files.active === 0 ? 0 : Math.round((parsed * 100) / files.active);
  const words = files.with_parse_errors === 0 ? `${number(files.active)} files parsed` : `${number(files.with_parse_errors)} with syntax errors`;
  const vectors = chunks.total > 0 ? `, ${Math.floor((chunks.vectorized * 100) / chunks.total)} % vectors` : "";
  return [element("progress", { max: 100, value: share, "aria-label": `Files of ${project.root_path} that parsed` }),
    element("small", {}, words + vectors)];
}

function showProjects(list, counts, workers, jobs) {
  const rows = list.projects.map((project) => {
    const folder = project.root_path.split("/").pop();
    return element("tr", {},
      element("td", {}, element("strong", {}, project.name ?? folder), element("small", { class: "mono" }, project.root_path)),
      element("td", { class: "number", "data-label": "Files" }, number(project.files)),
      element("td", { class: "index" }, ...indexOf(project, counts.get(project.id), indexJob(project, jobs))),
      element("td", { "data-label": "Last change" }, ago(ofJulianDay(project.updated_at))),
      element("td", {}, watcherState(project, workers)));
  });
  show(byId("projects"), ...rows);
  const rest = list.total - list.projects.length;
  byId("projects-note").textContent = list.total === 0
    ? "Nothing is indexed yet. Run: code-analysis-host index DIRECTORY"
    : rest > 0 ? `and ${number(rest)} more` : "";
  const chosen = byId("project");
  const options = [["", "All projects"], ...list.projects.map((one) => [one.id, one.name ?? one.root_path.split("/").pop()])];
  const before = chosen.value;
  show(chosen, ...options.map(([value, text]) => element("option", { value }, text)));
  chosen.value = options.some(([value]) => value === before) ? before : "";
}

const JOB_STATES = { running: "wait", pending: "", completed: "good", failed: "bad", stopped: "" };

function showJobs(jobs) {
  const rows = jobs.map((job) => element("li", {},
    element("strong", {}, job.command),
    pill(job.completed_with_error ? "failed" : job.status, job.completed_with_error ? "bad" : JOB_STATES[job.status]),
    element("small", {}, [job.description, ago(job.created_at)].filter(Boolean).join(" · ")),
    job.status === "running" ? element("progress", { max: 100, value: job.progress, "aria-label": `Progress of ${job.command}` }) : null));
  show(byId("jobs"), ...(rows.length > 0 ? rows : [element("li", { class: "quiet" }, "No job has run lately.")]));
}

function verdict(driver) {
  if (!driver.usable) return pill("refused", "bad");
  if (driver.configured) return pill("in use", "good");
  return driver.shadowed ? pill("shadowed", "wait") : pill("usable");
}

function showDrivers({ drivers }) {
  const rows = drivers.map((driver) => element("li", {},
    element("strong", {}, driver.name ?? driver.path.split("/").pop(), driver.version ? ` ${driver.version}` : ""),
    verdict(driver),
    element("small", {}, driver.reason ?? driver.summary ?? ""),
    element("small", { class: "mono" }, driver.path)));
  show(byId("drivers"), ...(rows.length > 0 ? rows : [element("li", { class: "quiet" }, "No driver was found.")]));
}

async function look(turn) {
  const began = performance.now();
  const state = await health();
  plots.request.add(performance.now() - began);
  showHealth(state);
  const [workers, queue] = await Promise.all([command("get_worker_status"), command("queue_list_jobs", { limit: 8 })]);
  showWorkers(workers);
  showJobs(queue.jobs);
  if (turn % SELDOM !== 0) return;
  const [status, list, drift] = await Promise.all([
    command("get_database_status"), command("list_projects", { limit: MOST_PROJECTS }), command("get_drift_report", { limit: MOST_DRIFT }),
  ]);
  showDrift(drift);
  showNumbers(status);
  const counts = await Promise.all(list.projects.slice(0, COUNTED).map(async ({ id }) => [id, await command("get_database_status", { project_id: id })]));
  showProjects(list, new Map(counts), workers.processes, queue.jobs);
  if (turn % (SELDOM * 10) === 0) showDrivers(await command("list_drivers"));
}

function failed(error) {
  if (error instanceof TokenNeeded) {
    const asking = byId("ask");
    byId("ask-problem").textContent = hasToken() ? "The server does not know this token." : "";
    if (!asking.open) asking.showModal();
    return;
  }
  byId("status").textContent = "no answer";
  byId("status").className = "pill bad";
  trouble(`The server does not answer as it should: ${error.message}`);
}

let timer = null;
let turn = 0;

async function keepLooking() {
  clearTimeout(timer);
  try {
    await look(turn);
    turn += 1;
  } catch (error) {
    failed(error);
    // Until a token is there, each further look would be refused as well.
    if (error instanceof TokenNeeded) return;
  }
  if (!document.hidden) timer = setTimeout(keepLooking, OFTEN);
}

byId("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  rememberToken(byId("token").value);
  byId("token").value = "";
  byId("ask").close();
  turn = 0;
  keepLooking();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) keepLooking();
});
searchable(failed);
keepLooking();
