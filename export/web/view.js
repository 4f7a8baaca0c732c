/** Everything that the page displays. */

import { toImageData } from "./pixels.js";

const MAX_CLASSES = 10;

const element = (id) => document.getElementById(id);

export function showMessage(text) {
  const message = element("message");
  message.textContent = text;
  message.className = "";
}

export function showError(text) {
  showMessage(text);
  element("message").className = "error";
}

export function showModel({ name, bytes, shape, labels }) {
  const facts = {
    File: name,
    Size: `${(bytes.length / 1000).toLocaleString("en", { maximumFractionDigits: 1 })} kB`,
    Input: `${shape.join(" × ")} (height × width × channels)`,
    Classes: `${labels.names.length}, ${labels.source}`,
  };
  element("model").replaceChildren(
    ...Object.entries(facts).flatMap(([term, fact]) => [create("dt", term), create("dd", fact)]),
  );
}

export function showNothing() {
  Object.assign(element("model-input"), { width: 1, height: 1 });
  element("answer").textContent = "Nothing to classify yet.";
  element("run").textContent = "";
  element("classes").replaceChildren();
}

/**
 * @param {string} source Name of the image.
 * @param {Uint8Array} pixels The model's input.
 * @param {{shape: number[], labels: {names: string[]}}} model
 * @param {{logits: Float32Array, milliseconds: number}} run The model's output and run time.
 */
export function showAnswer(source, pixels, { shape, labels }, { logits, milliseconds }) {
  const input = element("model-input");
  [input.height, input.width] = shape;
  input.getContext("2d").putImageData(toImageData(pixels, shape), 0, 0);
  const ranked = softmax(logits)
    .map((probability, index) => ({ name: labels.names[index], probability }))
    .sort((first, second) => second.probability - first.probability)
    .slice(0, MAX_CLASSES);
  element("answer").textContent = ranked[0].name;
  element("run").textContent =
    `Input: ${source}, ${shape[1]} × ${shape[0]} pixels. Run time: ${time(milliseconds)}.`;
  element("classes").replaceChildren(...ranked.map(bar));
}

/** Computed here, because an int8 file rounds its probabilities to 1/256. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

function bar({ name, probability }) {
  const item = document.createElement("li");
  item.style.setProperty("--share", probability);
  item.append(create("span", name, "name"), create("span", percent(probability), "percent"));
  return item;
}

/** Browsers round times to a tenth of a millisecond. */
function time(milliseconds) {
  return milliseconds < 0.1 ? "less than 0.1 ms" : `${milliseconds.toFixed(1)} ms`;
}

function percent(probability) {
  return probability < 0.0005 ? "< 0.1 %" : `${(100 * probability).toFixed(1)} %`;
}

function create(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}
