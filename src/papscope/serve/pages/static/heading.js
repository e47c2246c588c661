// The head of a case's page: what it is, how far it is, and what was refused.

import { find, make } from "./dom.js";
import { many, time } from "./words.js";

/** Draw the head anew. */
export function drawHeading(about) {
  document.title = `${about.title} · papscope`;
  find("#title").textContent = about.title;
  const models = about.models.map((one) => one.name).join(", ");
  find("#facts").textContent = [
    many(about.images, "image"),
    models && `model ${models}`,
    `${about.reviewed.toLocaleString("en-GB")} reviewed${about.reviewed_by_me === about.reviewed ? "" : `, ${about.reviewed_by_me.toLocaleString("en-GB")} by you`}`,
    about.um_per_px ? `${about.um_per_px} µm per px` : "scale not known",
    `${about.created_by}, ${time(about.created_at)}`,
  ].filter(Boolean).join("\u00a0· ");
  drawRules(about);
  drawRunning(about);
  drawRefused(about);
  const closed = find("#closed");
  closed.hidden = !about.closed;
  closed.textContent = `This case was closed${about.closed_at ? ` on ${time(about.closed_at)}` : ""}: verdicts are frozen and shown to all.`;
  const button = document.querySelector("#close-case");
  if (button) button.textContent = about.closed ? "Open the case again" : "Close the case";
  toggleLink(document.querySelector("#corrections"), about.reviewed > 0);
}

/** How many are for a person, and in whose words. */
function drawRules({ referral, models }) {
  const place = find("#rules");
  const { referred, set_aside: aside, without_rules: without } = referral;
  place.hidden = !(referred + aside);
  place.querySelector("summary").textContent = `For a person: ${referred.toLocaleString("en-GB")}. Set aside by the rule: ${aside.toLocaleString("en-GB")}.${without ? ` Without a rule: ${without.toLocaleString("en-GB")}.` : ""}`;
  place.querySelector("div").replaceChildren(
    make("ul", {}, ...referral.reasons.map((one) => make("li", { text: `${one.images.toLocaleString("en-GB")}: ${one.what}` }))),
    ...models.flatMap((one) => one.promises.map((text, index) => make("p", {}, index ? null : make("b", { text: `${one.name}. ` }), text))));
}

/** A link that leads nowhere yet is no link. */
function toggleLink(link, usable) {
  if (!link) return;
  link.dataset.place ??= link.getAttribute("href");
  if (usable) link.setAttribute("href", link.dataset.place);
  else link.removeAttribute("href");
  link.setAttribute("aria-disabled", String(!usable));
}

function drawRunning(about) {
  const busy = about.state === "waiting" || about.state === "running";
  find("#running").hidden = !busy;
  if (!busy) return;
  find("#progress").value = about.progress ?? 0;
  const done = about.answered + about.failed;
  find("#progress-words").textContent = about.state === "waiting" ? "Waiting for the model" : `${done.toLocaleString("en-GB")} of ${about.images.toLocaleString("en-GB")} looked at`;
}

function drawRefused(about) {
  const place = find("#refused");
  const failed = about.jobs.filter((one) => one.why).map((one) => ({ name: `Job of ${one.model}`, reason: one.why }));
  const all = [...about.refused_files, ...failed];
  place.hidden = !all.length;
  place.querySelector("summary").textContent = `${many(about.refused_files.length, "file")} refused${failed.length ? `, ${many(failed.length, "job")} failed` : ""}`;
  place.querySelector("ul").replaceChildren(...all.map((one) => make("li", {}, make("b", { text: one.name }), ` ${one.reason}`)));
}
