// The search box over code.

import { byId, element } from "./dom.js";
import { command } from "./server.js";

const PAGE = 10;
let asked = null;
let cursor = null;

/** The snippet with hits marked: the server writes `[hit]`; brackets of the code itself stay as they are. */
function marked(snippet, query) {
  const words = new Set(query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
  const parts = snippet.split(/\[([\p{L}\p{N}_.]+)\]/u);
  return parts.map((part, index) => {
    if (index % 2 === 0) return part;
    const text = part.toLowerCase();
    const isHit = words.has(text) || text.split(/[._]/).some((piece) => words.has(piece));
    return isHit ? element("mark", {}, part) : `[${part}]`;
  });
}

function hit(found, query) {
  const { entity_type: kind, entity_name: name, relative_path: path, file_path: file, line, snippet } = found;
  const head = element("div", { class: "what" },
    element("span", { class: "kind" }, kind),
    element("strong", {}, name ?? path),
    element("span", { class: "where mono", title: file }, `${path}:${line}`));
  return element("li", {}, head, element("pre", {}, ...marked(snippet, query)));
}

async function page(say) {
  const { query, kind, project } = asked;
  const params = { query, limit: PAGE };
  if (kind) params.entity_type = kind;
  if (project) params.project_id = project;
  if (cursor) params.cursor = cursor;
  const wanted = asked;
  const answer = await command("fulltext_search", params);
  // Another search was begun meanwhile.
  if (wanted !== asked) return;
  byId("hits").append(...answer.results.map((found) => hit(found, query)));
  cursor = answer.next_cursor ?? null;
  byId("more").hidden = !answer.has_more;
  const shown = byId("hits").children.length;
  const partial = answer.partial_match ? "; nothing holds all of the words, these hold some" : "";
  say(answer.total === 0 ? `Nothing holds “${query}”` : `${shown} of ${answer.total} hits for “${query}”${partial}`);
}

/** Makes the form work; `failed` hears of errors. */
export function searchable(failed) {
  const say = (text) => { byId("found").textContent = text; };
  const attempt = () => page(say).catch((error) => {
    say(error.message);
    failed(error);
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    asked = { query: byId("query").value.trim(), kind: byId("kind").value, project: byId("project").value };
    cursor = null;
    byId("hits").replaceChildren();
    byId("more").hidden = true;
    say("Searching …");
    attempt();
  });
  byId("more").addEventListener("click", attempt);
}
