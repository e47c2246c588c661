// One image in the gallery: its picture, what the model says, how sure it is, what was said since.

import { make, measure } from "./dom.js";
import { verdictWords } from "./images.js";
import { referWords, ruleLines, setWords, UNLIKE } from "./referral.js";
import { percent, sureness } from "./words.js";

const MARKS = { agree: "✓", correct: "✎", unsure: "?" };

/** What a card says to who does not see it. */
export function cardWords(image, sending) {
  const { answer, failure } = image;
  const said = answer ? [answerWords(answer), answer.unlike ? "" : setWords(answer), referWords(answer)].filter(Boolean).join("; ")
    : `no answer${failure ? `: ${failure.reason}` : " yet"}`;
  return `${said}; ${sending ? "verdict is being sent" : verdictWords(image.mine)}; ${image.name}`;
}

function answerWords(answer) {
  if (answer.unlike) return UNLIKE;
  return `${answer.label}, ${percent(answer.probability)}, model ${sureness(answer.certainty)}`;
}

/** The class, or that there is none that means anything: then what the model would say is struck. */
function headOf(answer, failure, side) {
  if (answer?.unlike) {
    return [make("span", { class: "says" }, make("b", { class: "unlike", text: UNLIKE })),
      make("span", { class: "sure" }, make("s", { text: `${answer.label} ${percent(answer.probability)}` }))];
  }
  const head = make("span", { class: "says" },
    make("b", { class: side ? `side ${side}` : "side", text: answer?.label ?? (failure ? "no answer" : "waiting") }),
    make("span", { class: "chance", text: answer ? percent(answer.probability) : "" }));
  const sure = make("span", { class: "sure" });
  if (answer) sure.append(measure(make("span", { class: "bar" }), answer.certainty), make("span", { text: sureness(answer.certainty) }));
  else sure.append(make("span", { text: failure?.reason ?? "" }));
  return [head, sure];
}

/**
 * Make a card.
 * @param {any} image
 * @param {{side?: string|null, sending?: boolean, ruled?: boolean}} how the class's side; whether a
 *   verdict of this image is on its way; whether there is room for what rules say
 */
export function card(image, { side, sending, ruled }) {
  const { answer, failure, mine } = image;
  const picture = make("img", {
    src: `/v1/images/${image.id}/smaller?side=256`, alt: "", decoding: "async", draggable: "false",
    width: image.width, height: image.height,
  });
  picture.addEventListener("error", () => picture.replaceWith(make("span", { class: "none", text: "picture not here" })));
  const rules = ruled && answer ? ruleLines(answer) : [];
  const state = sending ? "sending" : (mine?.kind ?? "none");
  const words = sending ? "sending…" : mine ? verdictWords(mine) : "";
  const mark = make("span", { class: `mark ${state}` }, make("span", { "aria-hidden": "true", text: sending ? "↑" : (MARKS[mine?.kind] ?? "") }), make("span", { text: words }));
  if (image.disagreement) mark.append(make("span", { class: "differ", text: "readers differ" }));
  return make("button", { type: "button", class: "card", "aria-label": cardWords(image, sending), title: image.name },
    make("span", { class: answer?.unlike ? "frame strange" : "frame" }, picture), ...headOf(answer, failure, side), ...rules, mark);
}
