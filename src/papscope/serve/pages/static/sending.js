// One upload, with its progress. XMLHttpRequest, as fetch does not tell how much has gone out.

import { csrf, failure, Failed } from "./api.js";

/**
 * Send files as a job.
 * @param {import("./gather.js").Given[]} given
 * @param {Record<string, string>} fields of the form, as title and um_per_px
 * @param {{key: string, progress: (share: number) => void, signal: AbortSignal}} how
 *   `key`: asking again with the same one never makes a second job.
 * @returns {Promise<any>} the job
 */
export function send(given, fields, { key, progress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const { file, name } of given) form.append("files", file, name);
  const asking = new XMLHttpRequest();
  asking.open("POST", "/v1/jobs");
  asking.setRequestHeader("Accept", "application/json");
  asking.setRequestHeader("Idempotency-Key", key);
  asking.setRequestHeader("X-CSRF-Token", csrf());
  asking.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) progress(event.loaded / event.total);
  });
  signal.addEventListener("abort", () => asking.abort());
  return new Promise((yes, no) => {
    asking.addEventListener("load", () => {
      const { status, responseText } = asking;
      if (status >= 200 && status < 300) yes(JSON.parse(responseText));
      else no(failure(status, responseText, asking.getResponseHeader("Retry-After")));
    });
    asking.addEventListener("error", () => no(new Failed(0, { code: "unreachable", what: "the connection broke while the files were on their way", hint: "Nothing was taken in; send again." })));
    asking.addEventListener("abort", () => no(new Failed(0, { code: "stopped", what: "the upload was stopped", hint: "Nothing was taken in." })));
    asking.send(form);
  });
}
