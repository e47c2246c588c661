// A bar of a round length, where somebody has said how large a pixel is; none where nobody has.

import { length, roundLength } from "./words.js";

/**
 * Draw the bar for a scale.
 * @param {HTMLElement} bar holds `.rod` and `.reads`
 * @param {number|null} umPerPx micrometres along one pixel of the picture
 * @param {number} scale screen pixels along one pixel of the picture
 * @param {number} most screen pixels that the bar may take
 */
export function drawScaleBar(bar, umPerPx, scale, most) {
  bar.hidden = !umPerPx;
  if (!umPerPx) return;
  const um = roundLength((most / scale) * umPerPx);
  bar.querySelector(".rod").style.width = `${(um / umPerPx) * scale}px`;
  bar.querySelector(".reads").textContent = length(um);
  bar.setAttribute("aria-label", `Scale bar: ${length(um)}`);
}
