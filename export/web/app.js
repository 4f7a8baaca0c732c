/** The page: connects its controls with the classifier. */

import { onWhite } from "./canvas.js";
import { classifier, useFile } from "./classifier.js";
import { fittedDrawing, fittedImage } from "./fit.js";
import { Pad } from "./pad.js";
import { toPixels } from "./pixels.js";
import { showAnswer, showError, showMessage, showModel, showNothing } from "./view.js";

const DEFAULT_MODEL = "student.tflite";
// Milliseconds. A slower model runs only at the end of a stroke, so that drawing stays smooth.
const FAST = 50;

const element = (id) => document.getElementById(id);
const pad = new Pad(element("pad"), onInk);
let openedImage = null;
let lastRun = 0;
let isAnswerPending = false;
let queue = Promise.resolve();

/** Run tasks one after another, so that no model is replaced while it runs. */
function enqueue(task) {
  const done = queue.then(task);
  queue = done.catch(() => {});
  return done;
}

/** Run a task, and show its error. Later tasks still run. */
function perform(task) {
  return enqueue(task).catch((error) => showError(error.message));
}

async function fetchModel(path) {
  const response = await fetch(path);
  if (!response.ok) {
    throw new Error(
      `The folder of this page contains no ${path} (HTTP ${response.status}). Copy a .tflite file ` +
        `from a run's export/ folder to this name, or choose or drop one.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function openModel(name, bytes) {
  showMessage(`Loading ${name} …`);
  await useFile(name, bytes);
  showModel(classifier());
  element("center").checked = isDrawnLikeMnist(classifier());
  showMessage("");
  await answer();
}

/** Not every data set is centered: scikit-learn's digits, for example, fill the whole image. */
function isDrawnLikeMnist({ shape, dataset }) {
  return shape[2] === 1 && (dataset === null || /^[ek]?mnist/.test(dataset));
}

async function openImage(file) {
  try {
    openedImage = { name: file.name, bitmap: onWhite(await createImageBitmap(file)) };
  } catch (cause) {
    throw new Error(`${file.name} is not an image that this browser can read.`, { cause });
  }
  pad.show(openedImage.bitmap);
  showMessage("");
  await answer();
}

async function answer() {
  const model = classifier();
  if (!model || !(openedImage || pad.isDrawing)) return showNothing();
  const pixels = toPixels(fitted(model), model.shape[2]);
  const run = await model.run(pixels);
  lastRun = run.milliseconds;
  showAnswer(openedImage?.name ?? "your drawing", pixels, model, run);
}

function fitted({ shape: [height, width] }) {
  return openedImage
    ? fittedImage(openedImage.bitmap, width, height, element("invert").checked)
    : fittedDrawing(pad.canvas, width, height, element("center").checked);
}

function onInk(finished) {
  openedImage = null;
  if (finished || lastRun < FAST) requestAnswer();
}

/** Classify after the queued tasks, once for all requests until then. */
function requestAnswer() {
  if (isAnswerPending) return;
  isAnswerPending = true;
  perform(() => {
    isAnswerPending = false;
    return answer();
  });
}

function open(file) {
  if (file.type.startsWith("image/")) perform(() => openImage(file));
  else perform(async () => openModel(file.name, new Uint8Array(await file.arrayBuffer())));
}

function listen() {
  element("clear").addEventListener("click", () => {
    pad.clear();
    openedImage = null;
    requestAnswer();
  });
  for (const id of ["center", "invert"]) element(id).addEventListener("change", requestAnswer);
  for (const id of ["image-file", "model-file"]) {
    element(id).addEventListener("change", ({ target }) => {
      for (const file of target.files) open(file);
      target.value = ""; // so that the same file can be chosen again after it was changed
    });
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    for (const file of event.dataTransfer.files) open(file);
  });
}

/**
 * Classify raw pixels, for tests and for the console.
 *
 * @param {Uint8Array | Uint8ClampedArray} pixels The model's input, row by row, channels last.
 * @returns {Promise<Float32Array>} The logits.
 */
window.classify = (pixels) =>
  enqueue(async () => {
    if (!classifier()) throw new Error("Expected an open model; received none.");
    return (await classifier().run(pixels)).logits;
  });

listen();
perform(async () => {
  const path = new URLSearchParams(location.search).get("model") ?? DEFAULT_MODEL;
  await openModel(path, await fetchModel(path));
});
