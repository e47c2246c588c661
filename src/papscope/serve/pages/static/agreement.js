// How far readers agree with each other and with the model, as a table.

import { ask } from "./api.js";
import { find, make } from "./dom.js";
import { many, percent } from "./words.js";

const number = (value) => value.toFixed(2);

function estimate(one, why, show) {
  if (!one) return make("td", { class: "num soft small", text: why ?? "" });
  const range = one.low === null ? "" : ` [${show(one.low)}, ${show(one.high)}]`;
  return make("td", { class: "num" }, make("b", { text: show(one.value) }), make("span", { class: "soft small", text: range }));
}

function table(caption, pairs) {
  const head = ["", "Images", "Same verdict", "Kappa", "Weighted kappa", "Left out"];
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, make("table", {},
    make("caption", { text: caption }),
    make("thead", {}, make("tr", {}, ...head.map((text, place) => make("th", { scope: "col", class: place ? "num" : "", text })))),
    make("tbody", {}, ...pairs.map((one) => make("tr", {},
      make("th", { scope: "row", text: `${one.first} and ${one.second}` }),
      make("td", { class: "num", text: one.n }),
      estimate(one.agreement, one.why?.agreement, percent),
      estimate(one.kappa, one.why?.kappa, number),
      estimate(one.weighted_kappa, one.why?.weighted_kappa, number),
      make("td", { class: "num", text: one.unsure ? many(one.unsure, "unsure", "unsure") : "" }))))));
}

function parts(told) {
  const found = [];
  if (!told.readers.length) return [make("p", { text: "Nobody has given a verdict yet." })];
  if (told.restricted) found.push(make("p", { class: "banner note small", text: "Only images on which you have given a verdict count here, until the case is closed." }));
  if (told.pairs.length) found.push(table("Readers with each other", told.pairs));
  else found.push(make("p", { text: "A second reader's verdicts are needed before readers can be compared." }));
  if (told.with_model.length) found.push(table("Readers with the model", told.with_model));
  const all = told.all_readers;
  if (all) found.push(make("p", { text: all.kappa ? `All ${all.readers} readers: Fleiss' kappa ${number(all.kappa.value)} on ${many(all.n, "image")}.` : `All ${all.readers} readers: ${all.why}` }));
  found.push(make("p", { class: "small soft", text: "Kappa is agreement beyond chance: 0 is what chance alone gives, 1 is perfect. In brackets: 95 % intervals. A reader who saw the model's answer first is not blind to it." }));
  return found;
}

/** Show the agreement of a case in its dialog. */
export async function showAgreement(caseId) {
  const body = find("#agreement-body");
  body.replaceChildren(make("p", { class: "soft", text: "Counting…" }));
  find("#agreement").showModal();
  try {
    body.replaceChildren(...parts(await ask(`/v1/cases/${caseId}/agreement`)));
  } catch (error) {
    body.replaceChildren(make("p", { class: "wrong", role: "alert", text: error.line }));
  }
  body.focus();
}
