/** The page: a model, something to classify, and the answer. */

import { onWhite } from "./canvas.js";
import { classifier, useFile } from "./classifier.js";
import { Pad } from "./pad.js";
import { fittedDrawing, fittedPicture } from "./picture.js";
import { toPixels } from "./pixels.js";
import { complain, say, showAnswer, showModel, showNothing } from "./view.js";

const DEFAULT_MODEL = "student.tflite";
const FAST = 50; // milliseconds: slower models answer at a stroke's end, so that the pen keeps up

const element = (id) => document.getElementById(id);
const pad = new Pad(element("pad"), onInk);
let picture = null;
let lastRun = 0;
let asked = false;
let queue = Promise.resolve();

/** One thing at a time: no model is replaced while it runs. */
function inTurn(task) {
  const done = queue.then(task);
  queue = done.catch(() => {});
  return done;
}

/** Mistakes are shown, and end nothing. */
function perform(task) {
  return inTurn(task).catch((error) => complain(error.message));
}

async function fetchModel(path) {
  const response = await fetch(path);
  if (!response.ok) {
    throw new Error(
      `There is no ${path} beside this page (HTTP ${response.status}): copy a .tflite file from ` +
        `a run's export/ folder here under this name, or pick or drop one.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function openModel(name, bytes) {
  say(`Loading ${name} …`);
  await useFile(name, bytes);
  showModel(classifier());
  element("centre").checked = isDrawnLikeMnist(classifier());
  say("");
  await answer();
}

/** Scikit-learn's digits, for one, fill the whole picture. */
function isDrawnLikeMnist({ shape, dataset }) {
  return shape[2] === 1 && (dataset === null || /^[ek]?mnist/.test(dataset));
}

async function openPicture(file) {
  try {
    picture = { name: file.name, bitmap: onWhite(await createImageBitmap(file)) };
  } catch (cause) {
    throw new Error(`${file.name} is not a picture that this browser reads.`, { cause });
  }
  pad.show(picture.bitmap);
  say("");
  await answer();
}

async function answer() {
  const model = classifier();
  if (!model || !(picture || pad.isDrawing)) return showNothing();
  const pixels = toPixels(fitted(model), model.shape[2]);
  const run = await model.run(pixels);
  lastRun = run.milliseconds;
  showAnswer(picture?.name ?? "your drawing", pixels, model, run);
}

function fitted({ shape: [height, width] }) {
  return picture
    ? fittedPicture(picture.bitmap, width, height, element("invert").checked)
    : fittedDrawing(pad.canvas, width, height, element("centre").checked);
}

function onInk(finished) {
  picture = null;
  if (finished || lastRun < FAST) ask();
}

/** Asked several times before it comes to it, it answers once. */
function ask() {
  if (asked) return;
  asked = true;
  perform(() => {
    asked = false;
    return answer();
  });
}

function open(file) {
  if (file.type.startsWith("image/")) perform(() => openPicture(file));
  else perform(async () => openModel(file.name, new Uint8Array(await file.arrayBuffer())));
}

function listen() {
  element("clear").addEventListener("click", () => {
    pad.clear();
    picture = null;
    ask();
  });
  for (const id of ["centre", "invert"]) element(id).addEventListener("change", ask);
  for (const id of ["picture-file", "model-file"]) {
    element(id).addEventListener("change", ({ target }) => {
      for (const file of target.files) open(file);
      target.value = ""; // so that the same file can be picked again, after it was changed
    });
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    for (const file of event.dataTransfer.files) open(file);
  });
}

/**
 * For tests and for the console: classify pixels as they are.
 *
 * @param {Uint8Array | Uint8ClampedArray} pixels Of the model's input, row by row, channels last.
 * @returns {Promise<Float32Array>} The logits.
 */
window.classify = (pixels) =>
  inTurn(async () => {
    if (!classifier()) throw new Error("Expected a model to be open; received none.");
    return (await classifier().run(pixels)).logits;
  });

listen();
perform(async () => {
  const path = new URLSearchParams(location.search).get("model") ?? DEFAULT_MODEL;
  await openModel(path, await fetchModel(path));
});
