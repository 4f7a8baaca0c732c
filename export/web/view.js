/** Everything that the page says and shows. */

import { toImageData } from "./pixels.js";

const MOST_CLASSES = 10;

const element = (id) => document.getElementById(id);

export function say(text) {
  const message = element("message");
  message.textContent = text;
  message.className = "";
}

export function complain(text) {
  say(text);
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
    ...Object.entries(facts).flatMap(([term, fact]) => [made("dt", term), made("dd", fact)]),
  );
}

export function showNothing() {
  Object.assign(element("seen"), { width: 1, height: 1 });
  element("answer").textContent = "Nothing to classify yet.";
  element("run").textContent = "";
  element("classes").replaceChildren();
}

/**
 * @param {string} source What was classified.
 * @param {Uint8Array} pixels What the model saw of it.
 * @param {{shape: number[], labels: {names: string[]}}} model
 * @param {{logits: Float32Array, milliseconds: number}} run What the model answered.
 */
export function showAnswer(source, pixels, { shape, labels }, { logits, milliseconds }) {
  const seen = element("seen");
  [seen.height, seen.width] = shape;
  seen.getContext("2d").putImageData(toImageData(pixels, shape), 0, 0);
  const ranked = softmax(logits)
    .map((probability, index) => ({ name: labels.names[index], probability }))
    .sort((first, second) => second.probability - first.probability)
    .slice(0, MOST_CLASSES);
  element("answer").textContent = ranked[0].name;
  element("run").textContent =
    `The model sees ${source} in ${shape[1]} × ${shape[0]} pixels. It ran for ${time(milliseconds)}.`;
  element("classes").replaceChildren(...ranked.map(bar));
}

/** In double precision: an int8 file's own probabilities are rounded to 1/256. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

function bar({ name, probability }) {
  const item = document.createElement("li");
  item.style.setProperty("--share", probability);
  item.append(made("span", name, "name"), made("span", percent(probability), "percent"));
  return item;
}

/** Browsers round their clocks to a tenth of a millisecond. */
function time(milliseconds) {
  return milliseconds < 0.1 ? "less than 0.1 ms" : `${milliseconds.toFixed(1)} ms`;
}

function percent(probability) {
  return probability < 0.0005 ? "< 0.1 %" : `${(100 * probability).toFixed(1)} %`;
}

function made(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}
