// What the last looks for drift between files, rows and full text found, repaired and left.

import { ago, byId, element, number, pill, show } from "./dom.js";

function findings(look) {
  return look.findings.map((finding) => {
    const left = finding.count - finding.repaired;
    const words = left === 0 ? `${number(finding.count)} repaired` : `${number(left)} open, ${number(finding.repaired)} repaired`;
    return element("small", {}, `${finding.problem}: ${words}${finding.examples.length > 0 ? `, such as ${finding.examples[0]}` : ""}`);
  });
}

function verdict(look) {
  if (look.checked_at === undefined) return pill("not looked at");
  const left = look.findings.reduce((sum, finding) => sum + finding.count - finding.repaired, 0);
  if (left > 0) return pill(`${number(left)} open`, "bad");
  return look.findings.length > 0 ? pill("repaired", "good") : pill("no drift", "good");
}

function row(name, look) {
  const when = look.checked_at === undefined ? [] : [
    element("small", {}, `${ago(Date.now() / 1000 - look.age_seconds)}, ${number(look.files_checked)} files compared, ${number(look.files_read)} read`),
    ...findings(look),
  ];
  return element("li", {}, element("strong", {}, name), verdict(look), ...when);
}

/** Shows the answer of `get_drift_report`. */
export function showDrift({ projects, rows, total, worker_is_running: isRunning }) {
  const items = projects.map((project) => row(project.name ?? project.root_path.split("/").pop(), project));
  if (rows !== null) {
    items.push(element("li", {}, element("strong", {}, "Rows of all projects"), verdict(rows),
      element("small", {}, ago(Date.now() / 1000 - rows.age_seconds)), ...findings(rows)));
  }
  if (items.length === 0) items.push(element("li", { class: "quiet" }, "Nothing is indexed yet."));
  show(byId("drift"), ...items);
  const rest = total > projects.length ? ` ${number(total - projects.length)} more projects are in get_drift_report.` : "";
  byId("drift-note").textContent = (isRunning ? "The repair worker runs." : "No repair worker runs; start_repair_worker starts one.") + rest;
}
