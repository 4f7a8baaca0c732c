/** An exported file in LiteRT.js, from the input `image`, uint8, to the output `logits`, float32. */

import { classNames, dataSet } from "./labels.js";
import { liteRt, unload } from "./runtime.js";

let current = null;

/** The current classifier, or null. */
export function classifier() {
  return current;
}

/**
 * Replace the classifier. After an error, the current classifier stays.
 *
 * @param {string} name The file's name, for messages.
 * @param {Uint8Array} bytes The file's content.
 * @throws {Error} With a message for the user.
 */
export async function useFile(name, bytes) {
  checkMagic(name, bytes);
  await liteRt(); // outside the `try`: a missing LiteRT.js is not an error of the file
  let next;
  try {
    next = await Classifier.load(name, bytes);
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) await recover();
    throw new Error(`${name} ${reason(cause)}`, { cause });
  }
  current?.model.delete();
  current = next;
}

/** A compiled model that has run once. */
class Classifier {
  constructor(name, bytes, model) {
    const { image, logits } = checkedTensors(model);
    this.name = name;
    this.bytes = bytes;
    this.model = model;
    this.shape = Array.from(image.shape.slice(1));
    this.labels = classNames(bytes, logits.shape[1]);
    this.dataset = dataSet(bytes);
  }

  static async load(name, bytes) {
    const { loadAndCompile } = await liteRt();
    const model = await loadAndCompile(bytes, { accelerator: "wasm" });
    try {
      const loaded = new Classifier(name, bytes, model);
      // The first run takes longer than later runs, and detects models that cannot run.
      await loaded.run(new Uint8Array(loaded.pixelCount));
      return loaded;
    } catch (error) {
      model.delete();
      throw error;
    }
  }

  get pixelCount() {
    return this.shape.reduce((product, side) => product * side);
  }

  /**
   * @param {Uint8Array | Uint8ClampedArray} pixels Row by row, channels last.
   * @returns {Promise<{logits: Float32Array, milliseconds: number}>}
   */
  async run(pixels) {
    if (pixels.length !== this.pixelCount) {
      const expected = `${this.shape.join(" × ")} = ${this.pixelCount}`;
      throw new Error(`Expected ${expected} values; received ${pixels.length}.`);
    }
    const { Tensor } = await liteRt();
    // LiteRT.js does not accept a Uint8ClampedArray, and does not free tensors by itself.
    const image = new Tensor(new Uint8Array(pixels), [1, ...this.shape]);
    let outputs = {};
    try {
      const start = performance.now();
      outputs = await this.model.run({ image });
      const milliseconds = performance.now() - start;
      return { logits: await outputs.logits.data(), milliseconds };
    } finally {
      for (const tensor of [image, ...Object.values(outputs)]) tensor.delete();
    }
  }
}

/** Check the file format here, because LiteRT's message about other formats is not helpful. */
function checkMagic(name, bytes) {
  const magic = String.fromCharCode(...bytes.slice(4, 8));
  if (magic !== "TFL3") {
    const received = JSON.stringify(magic);
    throw new Error(
      `${name} is not a LiteRT file: expected "TFL3" at byte 4; received ${received}.`,
    );
  }
}

class UnsupportedModel extends Error {}

function checkedTensors(model) {
  const inputs = model.getInputDetails();
  const outputs = model.getOutputDetails();
  const image = inputs.find(({ name }) => name === "image");
  const logits = outputs.find(({ name }) => name === "logits");
  const takesImage =
    inputs.length === 1 &&
    image?.dtype === "uint8" &&
    image.shape.length === 4 &&
    image.shape.every((side) => side > 0) &&
    image.shape[0] === 1 &&
    image.shape[3] <= 4;
  const givesLogits =
    logits?.dtype === "float32" && logits.shape.length === 2 && logits.shape[0] === 1;
  if (takesImage && givesLogits) return { image, logits };
  throw new UnsupportedModel(
    "is not a classifier that this page supports: expected one input “image”, uint8 " +
      "(1, height, width, 1 to 4 channels), and an output “logits”, float32 (1, classes); " +
      `received ${described(inputs)} → ${described(outputs)}.`,
  );
}

function described(tensors) {
  return tensors
    .map(({ name, dtype, shape }) => `“${name}”, ${dtype} (${shape.join(", ")})`)
    .join("; ");
}

function reason(error) {
  if (error instanceof UnsupportedModel) return error.message;
  if (error instanceof WebAssembly.RuntimeError) return "is damaged: LiteRT crashed while loading it.";
  return `is damaged or not supported: LiteRT reports “${error.message.trim().split("\n")[0]}”.`;
}

/** A crash corrupts the memory that all models share, so the current model is compiled again. */
async function recover() {
  const lost = current;
  current = null;
  try {
    lost?.model.delete();
  } catch {
    // The crash destroyed it. LiteRT.js counts it as deleted nevertheless.
  }
  await unload();
  if (lost) current = await Classifier.load(lost.name, lost.bytes);
}
