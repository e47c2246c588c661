// A case's images: all of them in one order, taken once, and looked through here.
//
// The whole list is fetched, piece by piece, and filtered in the browser. Were pages fetched as
// one scrolls, a verdict given meanwhile would shift a filtered list, and images would be skipped
// unseen.

import { ask } from "./api.js";
import { passesRefer, UNLIKE } from "./referral.js";

const PIECE = 500;

/**
 * Fetch all images of a case.
 * @param {string} caseId
 * @param {string} order risk, useful or place
 * @param {{signal?: AbortSignal, part?: (images: any[], total: number) => void}} how
 * @returns {Promise<any[]>} each once, in order
 */
export async function allImages(caseId, order, { signal, part } = {}) {
  const found = new Map();
  for (let round = 0; round < 3; round += 1) {
    let total = 0;
    for (let offset = 0; offset === 0 || offset < total; offset += PIECE) {
      const piece = await ask(`/v1/cases/${caseId}/images?order=${order}&offset=${offset}&limit=${PIECE}`, { signal });
      total = piece.total;
      for (const image of piece.images) if (!found.has(image.id)) found.set(image.id, image);
      part?.([...found.values()], total);
    }
    if (found.size >= total) break; // else the order moved while it was read: fill the holes
  }
  return [...found.values()];
}

/** What an image counts as: its class; `UNLIKE` where no class means anything, "" without an answer. */
export function classOf({ answer }) {
  return answer?.unlike ? UNLIKE : (answer?.label ?? "");
}

/** Whether an image passes what somebody chose to see. */
export function passes(image, { labels, sureness, review, refer }) {
  if (labels.size && !labels.has(classOf(image))) return false;
  if (!passesRefer(image, refer)) return false;
  if (sureness) {
    const certainty = image.answer?.unlike ? null : image.answer?.certainty;
    if (certainty === undefined || certainty === null || certainty < sureness[0] || certainty >= sureness[1]) return false;
  }
  if (review === "not-me") return !image.mine;
  if (review === "me") return Boolean(image.mine);
  if (review === "corrected") return image.mine?.kind === "correct";
  if (review === "unsure") return image.mine?.kind === "unsure";
  if (review === "disagreement") return image.disagreement === true;
  return true;
}

/** How many images count as each class: see `classOf`. */
export function countsOf(images) {
  const counts = new Map();
  for (const image of images) {
    const label = classOf(image);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

/** What a verdict says, in words. */
export function verdictWords(verdict) {
  if (!verdict) return "not reviewed";
  if (verdict.kind === "agree") return "agreed";
  if (verdict.kind === "unsure") return "cannot tell";
  return `corrected to ${verdict.label}`;
}
