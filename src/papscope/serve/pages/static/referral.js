// What a model's rules make of an answer, in words. The reasons are the service's own: a code and
// its sentence; which codes there are is not known here, but for the one that voids an answer.

import { make } from "./dom.js";

const SHOWN = 3; // classes of a set that a card names; the large view names all

/** What stands in the place of a class where a picture is unlike all that the model learned from. */
export const UNLIKE = "unlike anything seen";

/** Whether any of the images was answered by a model with rules. */
export function anyRules(images) {
  return images.some(({ answer }) => answer && (answer.refer !== null || answer.labels !== null));
}

/** A code in few words. */
function short(code) {
  return code === "unlike-training" ? UNLIKE : code.replaceAll("-", " ");
}

/** The classes that a set leaves open; "" where the model has no rule for sets. */
export function setWords({ labels }, most = Infinity) {
  if (!labels) return "";
  if (!labels.length) return "none of its classes";
  if (labels.length <= most) return labels.join(" or ");
  return `${labels.slice(0, most - 1).join(", ")} or ${labels.length - most + 1} more`;
}

/** Whether and why a person must see it; "" where the model has no rules. */
export function referWords({ refer }) {
  if (!refer) return "";
  // what voids an answer is said first
  const codes = [...refer].sort((one, other) => (other === "unlike-training") - (one === "unlike-training"));
  return codes.length ? `for a person: ${codes.map(short).join(", ")}` : "set aside by the rule";
}

/** What a card says of the rules: the set, and whether a person must look. */
export function ruleLines(answer) {
  const set = setWords(answer, SHOWN);
  const refer = referWords(answer);
  return [
    make("span", { class: "set" }, set && !answer.unlike ? make("span", { class: answer.labels.length === 1 ? "chip" : "chip open", text: set }) : null),
    make("span", { class: answer.refer?.length ? "refer" : "refer none" }, answer.refer?.length ? make("span", { class: "flag", "aria-hidden": "true", text: "⚑" }) : null, make("span", { text: refer })),
  ];
}

/** What the large view says of them: the set, and each reason in a sentence. */
export function ruleParagraphs(answer) {
  const found = [];
  if (answer.labels && !answer.unlike) {
    const chips = answer.labels.map((one) => make("span", { class: answer.labels.length === 1 ? "chip" : "chip open", text: one }));
    const joined = chips.flatMap((chip, place) => (place ? [make("span", { class: "soft", text: " or " }), chip] : [chip]));
    found.push(make("p", { class: "set-line" }, make("span", { class: "soft", text: "Set of classes: " }), ...(joined.length ? joined : [make("span", { text: "none of its classes is likely enough" })])));
  }
  if (answer.refer?.length) {
    found.push(make("div", { class: "for-person" }, make("p", {}, make("span", { class: "flag", "aria-hidden": "true", text: "⚑ " }), make("b", { text: "For a person, because" })),
      make("ul", {}, ...answer.refer.map((code, place) => make("li", { text: answer.reasons?.[place] ?? short(code) })))));
  } else if (answer.refer) {
    found.push(make("p", { class: "small soft", text: "Set aside by the rule: nothing asks for a person." }));
  }
  return found;
}

/** The codes that occur and how often, and how many are referred, set aside, or under no rule. */
export function referCounts(images) {
  const codes = new Map();
  let [referred, aside] = [0, 0];
  for (const { answer } of images) {
    if (!answer?.refer) continue;
    if (answer.refer.length) referred += 1;
    else aside += 1;
    for (const code of answer.refer) codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return { codes, referred, aside };
}

/** The choices of the filter: [value, words, how many] */
export function referChoices(images) {
  const { codes, referred, aside } = referCounts(images);
  return [
    ["any", "All", null],
    ["referred", "For a person", referred],
    ...[...codes].sort(([one], [other]) => one.localeCompare(other)).map(([code, count]) => [`=${code}`, short(code), count]),
    ["aside", "Set aside by the rule", aside],
  ];
}

/** Whether an image passes what the filter asks for. */
export function passesRefer({ answer }, choice) {
  if (!choice || choice === "any") return true;
  const refer = answer?.refer;
  if (!refer) return false;
  if (choice === "referred") return refer.length > 0;
  return choice === "aside" ? refer.length === 0 : refer.includes(choice.slice(1));
}
