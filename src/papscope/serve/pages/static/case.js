// The page of one case: its parts, put together.

import { showAgreement } from "./agreement.js";
import { ask, signInPlace } from "./api.js";
import { card } from "./card.js";
import { deeds } from "./deeds.js";
import { find, make } from "./dom.js";
import { Filters } from "./filters.js";
import { follow, hasEnded } from "./following.js";
import { Grid } from "./grid.js";
import { drawHeading } from "./heading.js";
import { allImages, countsOf, passes } from "./images.js";
import { Keeper } from "./keeper.js";
import { KEYS } from "./keys.js";
import { say, tellError, toast, untoast } from "./live.js";
import { menus } from "./menu.js";
import { anyRules, referChoices } from "./referral.js";
import { Viewer } from "./viewer.js";
import { many } from "./words.js";

const place = find("#case");
const { case: caseId, role, name: who } = place.dataset;
const ORDERS = {
  risk: "The worst first: by how grave the model expects each image to be.",
  useful: "The most useful to review next: unsure answers, and unlike each other.",
  place: "As they were sent.",
};

const RULED_FIRST = "What a person must see first, the worst at its head; then what is unlike anything seen; last what the rule sets aside.";
const RULE_LINES = 3; // that rules add to a card

let about = null;
let images = [];
let shown = [];
let loading = null;
let stale = false; // answers came while the large view was open, whose order must not change
let sideOf = new Map();
let ruled = false; // whether a model with rules has answered

const keeper = new Keeper(caseId, who, {
  kept(image) {
    merge(image);
    viewer.kept(image);
    untoast("unsent");
    say("Kept.");
  },
  undone(imageId, byService) {
    if (byService) ask(`/v1/images/${imageId}`).then(merge, tellError);
    else redraw(imageId);
    if (viewer.isOpen) viewer.goTo(imageId);
    toast("Taken back.", { key: "undone" });
  },
  refused(entry, error) {
    redraw(entry.image);
    const what = entry.verdict ? `Not kept: your verdict on ${entry.name}. ` : "Nothing was taken back: ";
    toast(what + error.line, { wrong: true, key: `refused ${entry.image}` });
  },
  delayed(error, seconds) {
    if (error.status === 401) {
      toast("You are signed out. Verdicts wait here and are sent once you have signed in again in another tab.", { wrong: true, key: "unsent", action: ["Sign in", () => open(signInPlace(), "_blank")] });
      return;
    }
    toast(`${error.line} Next try in ${Math.round(seconds)} s; ${many(keeper.count, "verdict")} not kept yet.`, { wrong: true, key: "unsent", action: ["Try now", () => keeper.retry()] });
  },
  changed(count, imageId) {
    const mark = find("#unsent");
    mark.hidden = !count;
    mark.textContent = count ? `${many(count, "verdict")} on the way` : "";
    if (imageId) redraw(imageId);
  },
});

const grid = new Grid(find("#grid"), (image) => card(image, { side: sideOf.get(image.answer?.label), sending: Boolean(keeper.sending(image.id)), ruled }), (index) => viewer.open(shown, index));
const filters = new Filters((orderChanged) => {
  const above = find("#order-words").getBoundingClientRect().top;
  if (above < 0) scrollBy({ top: above - 16, behavior: "instant" }); // what comes first now is what was asked for
  if (orderChanged) load();
  else sift();
});
const viewer = new Viewer({
  keeper, may: role !== "reader", aboutCase: () => about,
  closed(at) {
    const last = viewer.current;
    sift();
    const now = shown.findIndex((one) => one.id === last?.id);
    grid.focus(now >= 0 ? now : Math.min(at, shown.length - 1));
    again().catch(tellError);
    if (stale) load();
  },
});

function redraw(imageId) {
  const image = images.find((one) => one.id === imageId);
  if (image) grid.refresh(image);
  viewer.refresh(imageId);
}

function merge(image) {
  const mine = images.find((one) => one.id === image.id);
  if (mine) Object.assign(mine, image);
  redraw(image.id);
}

function sift() {
  const choice = filters.chosen;
  shown = images.filter((image) => passes(image, choice));
  ruled = anyRules(images);
  filters.count(about.classes, countsOf(images), shown.length, images.length, ruled ? referChoices(images) : []);
  const first = ruled && filters.order === "risk" ? RULED_FIRST : "";
  find("#order-words").textContent = `${many(shown.length, "image")}. ${first || ORDERS[filters.order]}`;
  find("#empty").hidden = shown.length > 0;
  find("#empty").textContent = images.length ? "No image passes the filters." : "There are no images in this case yet.";
  find("#start").disabled = !shown.length;
  grid.show(shown, ruled ? RULE_LINES : 0);
}

async function load() {
  loading?.abort();
  stale = false;
  loading = new AbortController();
  const { signal } = loading;
  find("#grid").setAttribute("aria-busy", "true");
  try {
    images = await allImages(caseId, filters.order, {
      signal,
      part(some, total) {
        if (images.length === 0 || some.length === total) {
          images = some;
          if (!viewer.isOpen) sift();
        }
      },
    });
    if (!viewer.isOpen) sift();
  } catch (error) {
    if (error.name !== "AbortError") tellError(error);
  } finally {
    if (!signal.aborted) find("#grid").removeAttribute("aria-busy");
  }
}

async function again() {
  about = await ask(`/v1/cases/${caseId}`);
  sideOf = new Map(about.classes.map((one) => [one.name, one.side]));
  drawHeading(about);
}

const followed = new Set();

function followJobs() {
  for (const job of about.jobs) {
    if (hasEnded(job) || followed.has(job.id)) continue;
    followed.add(job.id);
    let due = 0;
    follow(job.id, async (now) => {
      const ended = hasEnded(now);
      if (!ended && Date.now() < due) return;
      due = Date.now() + Math.max(2500, images.length * 5); // a long list is not read every second
      await again().catch(tellError);
      if (viewer.isOpen) stale = true;
      else await load();
      if (ended) say("The model has looked at all images.");
    });
  }
}

function keysTable() {
  find("#help-keys").append(...KEYS.map(([keys, , words]) => make("tr", {}, make("th", { scope: "row" }, ...keys.map((one) => make("kbd", { text: one }))), make("td", { text: words }))));
}

find("#start").addEventListener("click", () => {
  const first = shown.findIndex((image) => !image.mine);
  viewer.open(shown, first >= 0 ? first : 0);
});
find("#agreement-open").addEventListener("click", () => showAgreement(caseId));
deeds(caseId, () => about, again);
menus();
keysTable();
try {
  await again();
  await load();
  followJobs();
  if (keeper.count) toast(`${many(keeper.count, "verdict")} from before are being sent.`);
} catch (error) {
  find("#facts").textContent = error.line ?? "This page failed to load.";
  find("#facts").setAttribute("role", "alert");
  if (!(error.status >= 0)) throw error;
}
