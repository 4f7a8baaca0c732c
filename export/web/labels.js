/** Labels and metadata of an exported file, from the zip archive at its end. */

const END_RECORD = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const UTF8 = new TextDecoder();

/**
 * Names of a model's classes. If labels are missing or do not fit, the classes are numbered.
 *
 * @param {Uint8Array} bytes A LiteRT file.
 * @param {number} classes Number of classes.
 * @returns {{names: string[], source: string}} The names, and a description of their source.
 */
export function classNames(bytes, classes) {
  const numbers = Array.from({ length: classes }, (_, index) => `class ${index}`);
  const numbered = (reason) => ({ names: numbers, source: `numbered: ${reason}` });
  try {
    const names = readLabels(bytes);
    if (!names) return numbered("the file has no labels");
    if (names.length === classes) return { names, source: "named by the file" };
    return numbered(`expected ${classes} labels, received ${names.length}`);
  } catch (error) {
    return numbered(`the labels cannot be read: ${error.message}`);
  }
}

/**
 * @param {Uint8Array} bytes A LiteRT file.
 * @returns {string | null} The data set of the student, or null if the file names none.
 */
export function dataSet(bytes) {
  try {
    return JSON.parse(readEntry(bytes, "metadata.json")).provenance["data set"] ?? null;
  } catch {
    return null; // a model without metadata, or with metadata of another tool, is usable
  }
}

/** The lines of `labels.txt`, or null if the file contains none. */
function readLabels(bytes) {
  return readEntry(bytes, "labels.txt")?.replace(/\r?\n$/, "").split(/\r?\n/) ?? null;
}

/** The text of an archive entry, or null if there is no such entry. */
function readEntry(bytes, wanted) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEndRecord(view);
  if (end < 0) return null;
  const entry = entries(view, end).find(({ name }) => name === wanted);
  if (!entry) return null;
  if (entry.method !== STORED) {
    throw new Error(`expected ${wanted} uncompressed, received zip method ${entry.method}`);
  }
  return text(view, dataStart(view, entry), entry.size);
}

function findEndRecord(view) {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    const isRecord = view.getUint32(at, true) === END_RECORD;
    // Weights may contain these four bytes by chance, so check that the record ends the file.
    if (isRecord && at + 22 + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  return -1;
}

function entries(view, end) {
  const found = [];
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const offset = view.getUint32(end + 16, true);
  // Python counts offsets from the start of the file. A tool that appends a separate archive
  // counts from the start of the archive. In both, the directory ends at the end record.
  const shift = end - size - offset;
  let at = offset + shift;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      throw new Error(`expected ${count} entries in the zip directory, received ${i}`);
    }
    const nameLength = view.getUint16(at + 28, true);
    found.push({
      name: text(view, at + 46, nameLength),
      method: view.getUint16(at + 10, true),
      size: view.getUint32(at + 20, true),
      header: view.getUint32(at + 42, true) + shift,
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return found;
}

/** The start of an entry's content. Its header's extra field may differ from the directory's. */
function dataStart(view, { header }) {
  return header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
}

function text(view, start, length) {
  return UTF8.decode(new Uint8Array(view.buffer, view.byteOffset + start, length));
}
