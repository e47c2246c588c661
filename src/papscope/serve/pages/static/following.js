// A job's progress as it happens: by server-sent events, and by asking where those do not come.

import { ask } from "./api.js";

const ENDED = new Set(["done", "failed", "cancelled"]);
const PATIENCE = 8000; // milliseconds without an event after which the job is asked about
const PAUSE = 1500;

/** Whether nothing more will come of a job. */
export function hasEnded(job) {
  return ENDED.has(job.state);
}

/**
 * Follow a job until it ends.
 * @param {string} id
 * @param {(job: any) => void} told the job's JSON, as often as it changes
 * @returns {() => void} stops following
 */
export function follow(id, told) {
  let over = false;
  let waiting = 0;
  const events = new EventSource(`/v1/jobs/${id}/events`);
  const stop = () => {
    over = true;
    clearTimeout(waiting);
    events.close();
  };
  const hear = (job) => {
    if (over) return;
    told(job);
    if (hasEnded(job)) stop();
    else wait(PATIENCE);
  };
  const wait = (time) => {
    clearTimeout(waiting);
    waiting = setTimeout(look, time);
  };
  const look = async () => {
    if (over) return;
    try {
      hear(await ask(`/v1/jobs/${id}`));
    } catch (error) {
      if (error.status === 404) stop(); // its case was deleted
    }
    if (!over) wait(events.readyState === EventSource.OPEN ? PATIENCE : PAUSE);
  };
  for (const kind of ["progress", "end"]) events.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  events.addEventListener("error", () => wait(PAUSE));
  wait(PAUSE);
  return stop;
}
