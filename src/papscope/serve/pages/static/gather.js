// Files from what somebody dropped or chose: pictures, folders with all that lies in them, zips.

const LITTER = /^(\..*|Thumbs\.db|desktop\.ini)$/i;

/** @typedef {{file: File, name: string}} Given */

/**
 * Take the files of an <input>, under their names within the folder that was chosen.
 * @param {FileList} files
 * @returns {Given[]}
 */
export function fromInput(files) {
  return tidy([...files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
}

/**
 * Take what was dropped; folders are walked.
 * @param {DataTransfer} dropped
 * @returns {Promise<Given[]>}
 */
export async function fromDrop(dropped) {
  // entries must be taken before the first await: the browser empties the list then
  const entries = [...dropped.items].filter((one) => one.kind === "file").map((one) => one.webkitGetAsEntry?.() ?? null);
  if (!entries.length || entries.includes(null)) return fromInput(dropped.files);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return tidy(found);
}

async function walk(entry, folder, found) {
  const name = folder + entry.name;
  if (entry.isFile) {
    found.push({ name, file: await new Promise((yes, no) => entry.file(yes, no)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no)); // a hundred at a time
    if (!some.length) return;
    for (const one of some) await walk(one, `${name}/`, found);
  }
}

function tidy(found) {
  const kept = found.filter(({ name }) => !LITTER.test(name.split("/").at(-1)));
  return kept.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** What a case of these files may be called: the folder's or the archive's name. */
export function titleOf(found) {
  const first = found[0]?.name ?? "";
  if (first.includes("/")) return first.split("/")[0];
  if (found.length === 1) return first.replace(/\.[^.]+$/, "");
  return "";
}
