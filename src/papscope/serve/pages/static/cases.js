// The first page: sending pictures in, and the list of cases.

import { ask } from "./api.js";
import { CaseList } from "./caselist.js";
import { find, make } from "./dom.js";
import { follow, hasEnded } from "./following.js";
import { fromDrop, fromInput, titleOf } from "./gather.js";
import { say, tellError } from "./live.js";
import { send } from "./sending.js";
import { bytes, many } from "./words.js";

const list = new CaseList();
const into = new URLSearchParams(location.search).get("into");
let given = [];
let key = "";
let stopping = null;

function took(found) {
  if (!found.length) {
    wrong("There is no file in that.");
    return;
  }
  given = found;
  key = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const size = found.reduce((sum, { file }) => sum + file.size, 0);
  find("#given").textContent = `${many(found.length, "file")}, ${bytes(size)}`;
  find("#title").value ||= titleOf(found);
  find("#going").hidden = true;
  find("#drop-zone").hidden = true;
  find("#details").hidden = false;
  wrong("");
  say(find("#given").textContent);
  find(into ? "#send" : "#title").focus();
}

function wrong(words) {
  find("#wrong").textContent = words;
  find("#wrong").hidden = !words;
  if (words && find("#details").hidden) tellError({ message: words });
}

function forget() {
  given = [];
  find("#details").hidden = true;
  find("#drop-zone").hidden = false;
  find("#files").value = find("#folder").value = "";
  find("#choose-files").focus();
}

function fields() {
  const told = into ? { case_id: into } : { title: find("#title").value.trim() || "Untitled" };
  const scale = find("#scale").value;
  if (scale && !into) told.um_per_px = scale;
  if (!find("#model-field").hidden) told.model = find("#model").value;
  return told;
}

function going(words, share) {
  find("#going-words").textContent = words;
  const bar = find("#going-bar");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
}

async function sendIn() {
  if (!find("#scale").checkValidity()) {
    wrong("The scale is a number of µm per pixel, such as 0.25; or leave it empty.");
    find("#scale").focus();
    return;
  }
  stopping = new AbortController();
  find("#details").hidden = true;
  find("#going").hidden = false;
  find("#stop").hidden = false;
  find("#open-case").hidden = true;
  find("#refused").hidden = true;
  find("#stop").focus();
  going("Sending…", 0);
  try {
    // who has been signed out should learn it now, and not after gigabytes; and the service may
    // have been started again since the page came, with other words against forged requests
    find('meta[name="csrf-token"]').content = (await ask("/v1/me")).csrf;
    const job = await send(given, fields(), {
      key, signal: stopping.signal,
      progress: (share) => (share < 1 ? going(`Sending: ${Math.floor(share * 100)} %`, share) : going("Sent. The files are being looked through…", null)),
    });
    accepted(job);
  } catch (error) {
    find("#going").hidden = true;
    find("#details").hidden = false;
    wrong(error.line ?? String(error));
    find("#send").focus();
  } finally {
    stopping = null;
    find("#stop").hidden = true;
  }
}

function accepted(job) {
  const open = find("#open-case");
  open.href = `/cases/${job.case_id}`;
  open.hidden = false;
  open.focus();
  showRefused(job.refused ?? []);
  shown(job);
  find("#drop-zone").hidden = false;
  find("#title").value = "";
  list.load().catch(tellError);
  if (!hasEnded(job)) follow(job.id, shown);
}

function shown(job) {
  const looked = job.answered + job.failed;
  const words = {
    done: `Done: ${many(job.total, "image")} looked at${job.failed ? `, ${job.failed.toLocaleString("en-GB")} without an answer` : ""}.`,
    failed: `The model could not go on${job.why ? `: ${job.why}` : ""}.`,
    cancelled: "Stopped.",
    waiting: `${many(job.total, "image")} taken in. Waiting for the model…`,
  }[job.state] ?? `The model has looked at ${looked.toLocaleString("en-GB")} of ${job.total.toLocaleString("en-GB")}.`;
  going(words, job.total ? looked / job.total : 1);
  if (hasEnded(job)) list.load().catch(tellError);
}

function showRefused(files) {
  const place = find("#refused");
  place.hidden = !files.length;
  place.open = files.length > 0 && files.length <= 5;
  place.querySelector("summary").textContent = `${many(files.length, "file")} refused`;
  place.querySelector("ul").replaceChildren(...files.map((one) => make("li", {}, make("b", { text: one.name }), ` ${one.reason ?? one.what ?? ""}`)));
}

function dropping() {
  const zone = find("#drop-zone");
  let depth = 0;
  const over = (yes) => zone.classList.toggle("over", yes);
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => carries(event) && over((depth += 1) > 0));
  addEventListener("dragleave", (event) => carries(event) && over((depth -= 1) > 0));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!carries(event)) return;
    event.preventDefault(); // wherever it falls: the browser would leave the page and show the file
    over((depth = 0) > 0);
    if (stopping) return;
    try {
      took(await fromDrop(event.dataTransfer));
    } catch (error) {
      wrong(`What was dropped cannot be read: ${error.message}.`);
    }
  });
}

async function models() {
  const told = await ask("/v1/models");
  const all = told.models ?? told;
  find("#model").append(...all.map((one) => make("option", { value: one.name, text: one.name })));
  find("#model-field").hidden = all.length < 2;
}

async function addingTo() {
  const about = await ask(`/v1/cases/${into}`);
  find("#intake-title").textContent = "Add images";
  find("#into").textContent = `They go into “${about.title}”.`;
  find("#into").hidden = false;
  find("#title-field").hidden = find("#scale-field").hidden = true;
}

find("#choose-files").addEventListener("click", () => find("#files").click());
find("#choose-folder").addEventListener("click", () => find("#folder").click());
for (const id of ["#files", "#folder"]) find(id).addEventListener("change", (event) => event.target.files.length && took(fromInput(event.target.files)));
find("#forget").addEventListener("click", forget);
find("#stop").addEventListener("click", () => stopping?.abort());
find("#intake").addEventListener("submit", (event) => {
  event.preventDefault();
  if (given.length && !stopping) sendIn();
});
addEventListener("beforeunload", (event) => {
  if (stopping) event.preventDefault();
});
dropping();
models().catch((error) => error.status !== 404 && tellError(error));
if (into) addingTo().catch(tellError);
list.load().catch(tellError);
