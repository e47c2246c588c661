// What is done to a case as a whole: title and scale, closing, deleting, stopping its jobs.

import { ask } from "./api.js";
import { find } from "./dom.js";
import { tellError, toast } from "./live.js";
import { many } from "./words.js";

/** Ask whether something is meant; nothing happens unless somebody says so. */
export function isMeant(title, words, yes) {
  const dialog = find("#confirm");
  find("#confirm-title").textContent = title;
  find("#confirm-words").textContent = words;
  find("#confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((told) => dialog.addEventListener("close", () => told(dialog.returnValue === "yes"), { once: true }));
}

/**
 * Let the buttons of the case's menu work.
 * @param {string} caseId
 * @param {() => any} aboutCase
 * @param {() => Promise<void>} again reads the case anew
 */
export function deeds(caseId, aboutCase, again) {
  const place = `/v1/cases/${caseId}`;
  const doing = (what) => async () => {
    try {
      await what();
    } catch (error) {
      tellError(error);
    }
  };
  find("#rename").addEventListener("click", () => edit(place, aboutCase(), again));
  find("#cancel").addEventListener("click", doing(async () => {
    const busy = aboutCase().jobs.filter((one) => one.state === "waiting" || one.state === "running");
    for (const job of busy) await ask(`/v1/jobs/${job.id}/cancel`, { method: "POST" });
    await again();
  }));
  document.querySelector("#close-case")?.addEventListener("click", doing(async () => {
    const about = aboutCase();
    const sure = about.closed
      ? await isMeant("Open the case again?", "Verdicts can be given and changed again. Who has not given one on an image no longer sees those of others.", "Open")
      : await isMeant("Close the case?", "Verdicts are frozen, and all are shown to everybody who may look.", "Close");
    if (!sure) return;
    await ask(place, { method: "PATCH", json: { closed: !about.closed } });
    toast(about.closed ? "The case is open again." : "The case is closed.");
    await again();
  }));
  document.querySelector("#delete")?.addEventListener("click", doing(async () => {
    const about = aboutCase();
    const words = `${many(about.images, "image")}, the answers and all verdicts are removed from this machine. The audit log stays, without names of files and notes. This cannot be undone.`;
    if (!(await isMeant(`Delete “${about.title}”?`, words, "Delete"))) return;
    await ask(place, { method: "DELETE" });
    location.assign("/");
  }));
}

function edit(place, about, again) {
  const dialog = find("#edit");
  const [name, scale, wrong] = ["#edit-name", "#edit-scale", "#edit-wrong"].map((one) => find(one));
  name.value = about.title;
  scale.value = about.um_per_px ?? "";
  wrong.hidden = true;
  dialog.querySelector("form").onsubmit = async (event) => {
    if (event.submitter?.value !== "keep") return;
    event.preventDefault();
    try {
      await ask(place, { method: "PATCH", json: { title: name.value.trim(), um_per_px: scale.value ? Number(scale.value) : null } });
      dialog.close();
      await again();
    } catch (error) {
      wrong.textContent = error.line;
      wrong.hidden = false;
    }
  };
  dialog.showModal();
}
