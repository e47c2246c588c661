// Numbers and times as people read them. One place, so that two parts never round differently.

/** "1 image", "12 images" */
export function many(count, noun, plural = `${noun}s`) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? noun : plural}`;
}

/** 0..1 as "93 %"; never "100 %" or "0 %" for what is not. */
export function percent(share) {
  if (share > 0.99 && share < 1) return "> 99 %";
  if (share > 0 && share < 0.01) return "< 1 %";
  return `${Math.round(share * 100)} %`;
}

const SURENESS = [
  [0.75, "sure"],
  [0.5, "fairly sure"],
  [0.25, "unsure"],
  [0, "very unsure"],
];

/** What a certainty of 0..1 is called; the bounds are in the manual. */
export function sureness(certainty) {
  return SURENESS.find(([least]) => certainty >= least)?.[1] ?? "very unsure";
}

/** The classes of certainty, surest first: [least, below, word] */
export const SURENESSES = SURENESS.map(([least, word], place) => [least, place ? SURENESS[place - 1][0] : 1.01, word]);

/** Bytes as "34 MB" */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, count > 0 ? Math.floor(Math.log10(count) / 3) : 0);
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** An ISO time as "23 Nov 2026, 14:05", in the reader's time zone. */
export function time(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.valueOf()) ? "" : TIME.format(at);
}

/** A round length not above `most`: 1, 2 or 5 times a power of ten. */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((one) => one * power <= most * (1 + 1e-9)) ?? 1;
  return step * power;
}

/** Micrometres as "50 µm", "2 mm" or "200 nm". */
export function length(um) {
  const tidy = (value) => String(Number(value.toPrecision(3)));
  if (um >= 1000) return `${tidy(um / 1000)} mm`;
  return um < 1 ? `${tidy(um * 1000)} nm` : `${tidy(um)} µm`;
}
