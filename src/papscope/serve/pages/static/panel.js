// What stands beside the large picture: the model's answer, one's own verdict, those of others.

import { find, make, measure } from "./dom.js";
import { verdictWords } from "./images.js";
import { ruleParagraphs, UNLIKE } from "./referral.js";
import { many, percent, sureness, time } from "./words.js";

/**
 * Draw the panel.
 * @param {any} image
 * @param {any} about the case
 * @param {{may: boolean, sending: any, closed: boolean}} how whether one may give verdicts, and the
 *   verdict that is on its way
 * @param {(place: number) => void} choose a class, by its place
 */
export function drawPanel(image, about, how, choose) {
  drawAnswer(image);
  drawClasses(image, about.classes, how, choose);
  drawState(image, how);
  drawOthers(image, how);
  drawAbout(image, about);
}

function drawAnswer({ answer, failure }) {
  const place = find("#answer");
  if (!answer) {
    place.replaceChildren(make("p", { class: "over", text: "The model" }), make("p", { class: "label", text: failure ? "No answer" : "No answer yet" }),
      make("p", { class: "soft small", text: failure?.reason ?? "The model has not looked at it yet." }));
    return;
  }
  if (answer.unlike) {
    place.replaceChildren(
      make("p", { class: "over", text: `${answer.model} has no answer that means anything` }),
      make("p", { class: "label unlike" }, make("b", { text: UNLIKE })),
      make("p", { class: "sure" }, make("span", { text: "It would say " }), make("s", { text: `${answer.label} ${percent(answer.probability)}` })),
      ...ruleParagraphs(answer));
    return;
  }
  const abnormal = answer.abnormal === null ? "" : ` · abnormal ${percent(answer.abnormal)}`;
  place.replaceChildren(
    make("p", { class: "over", text: `${answer.model} says` }),
    make("p", { class: "label" }, make("b", { text: answer.label }), make("span", { text: percent(answer.probability) })),
    make("p", { class: "sure" }, measure(make("span", { class: "bar" }), answer.certainty), make("span", { text: `${sureness(answer.certainty)}${abnormal}` })),
    ...ruleParagraphs(answer));
}

function drawClasses(image, classes, { may, sending, closed }, choose) {
  const standing = sending ?? image.mine;
  const mine = standing?.kind === "agree" ? image.answer?.label : standing?.label;
  const rows = classes.map((one, place) => {
    const share = image.answer?.probabilities[one.name];
    const said = share === undefined ? "" : percent(share);
    const isModels = one.name === image.answer?.label;
    const words = [`${one.name}: ${one.means}`, said && `the model ${image.answer.unlike ? "would give" : "gives"} ${said}`, isModels && !image.answer.unlike && "the model's class"].filter(Boolean).join(", ");
    return make("li", {}, make("button", {
      type: "button", class: "class", "aria-label": words, title: one.means, "aria-pressed": String(one.name === mine),
      disabled: !may || closed, "aria-keyshortcuts": place < 9 ? String(place + 1) : false, on: { click: () => choose(place) },
    },
    make("kbd", { text: place < 9 ? String(place + 1) : "", "aria-hidden": "true" }),
    make("span", { class: `class-name ${one.side ?? ""}`, text: one.name }),
    make("span", { class: "models", text: isModels ? "model" : "" }),
    measure(make("span", { class: "bar" }), share ?? 0),
    make("span", { class: "chance", text: said })));
  });
  find("#classes").replaceChildren(...rows);
  find("#classes").classList.toggle("void", Boolean(image.answer?.unlike));
}

function drawState(image, { may, sending, closed }) {
  const place = find("#state");
  const { mine } = image;
  place.className = `state ${sending ? "sending" : (mine?.kind ?? "none")}`;
  if (sending) place.textContent = `Being sent, not kept yet: ${verdictWords(sending)}`;
  else if (mine) place.textContent = `Kept: ${mine.reader} ${mine.kind === "unsure" ? "cannot tell" : verdictWords(mine)}, ${time(mine.given_at)}`;
  else if (!may) place.textContent = "Your role is to look: verdicts take a reviewer.";
  else place.textContent = closed ? "The case is closed; you gave no verdict." : "You have given no verdict.";
  find("#agree").disabled = !may || closed || !image.answer || image.answer.unlike;
  find("#unsure").disabled = !may || closed;
  find("#unsure").setAttribute("aria-pressed", String((sending ?? mine)?.kind === "unsure"));
  find("#note").disabled = !may || closed;
}

function drawOthers({ others, others_given: given }, { may }) {
  const place = find("#others");
  place.replaceChildren();
  if (others === null) {
    if (given) place.append(make("p", { class: "small soft", text: may
      ? `${many(given, "other reader has", "other readers have")} given a verdict; you see it after giving yours.`
      : `${many(given, "reader has", "readers have")} given a verdict. What it is stays hidden until the case is closed.` }));
    return;
  }
  if (!others.length) return;
  place.append(make("h3", { text: others.length === 1 ? "The other reader" : "Other readers" }), make("ul", {}, ...others.map((one) => make("li", {},
    make("b", { text: `${one.reader}: ${verdictWords(one)}` }),
    make("span", { class: "small soft", text: `${time(one.given_at)}${one.informed ? " · after seeing other verdicts" : ""}` }),
    one.note ? make("q", { class: "small", text: one.note }) : null))));
}

function drawAbout(image, about) {
  const rows = [
    ["File", image.name],
    ["Place", `${image.place + 1} as sent`],
    ["Size", `${image.width} × ${image.height} px${about.um_per_px ? `, ${about.um_per_px} µm per px` : ", scale not known"}`],
    ["Model", image.answer ? `${image.answer.model} ${image.answer.model_digest.slice(0, 12)}` : "none yet"],
    ...(typeof image.answer?.strangeness === "number" ? [["Strange", `${image.answer.strangeness.toFixed(2)}; above 1 is unlike anything seen`]] : []),
    ...(image.answer && !image.answer.refer ? [["Rules", "none: this answer does not say whether a person must look"]] : []),
  ];
  find("#about").replaceChildren(...rows.map(([term, text]) => make("div", {}, make("dt", { text: term }), make("dd", { text }))));
}
