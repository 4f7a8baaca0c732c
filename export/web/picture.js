/** Pictures and drawings, brought to a model's size. */

import { blackCanvas, centreCrop, findInk, paste, whole } from "./canvas.js";

// MNIST's digits fill a box of 20 × 20 in 28 × 28 pixels, or in 32 × 32 where these are padded.
const digitShare = (side) => 20 / (side === 28 ? 28 : 32);

/**
 * Cut a picture to the model's aspect ratio around its centre and scale it. One that is but a
 * little smaller (MNIST's 28 for 32) stays as it is, in the middle of black.
 *
 * @param {HTMLCanvasElement} picture
 * @param {number} width
 * @param {number} height
 * @param {boolean} invert Whether to swap dark and light.
 * @returns {HTMLCanvasElement}
 */
export function fittedPicture(picture, width, height, invert) {
  const target = blackCanvas(width, height);
  const slightlySmaller = (is, wanted) => is <= wanted && wanted <= 1.25 * is;
  if (slightlySmaller(picture.width, width) && slightlySmaller(picture.height, height)) {
    const x = Math.floor((width - picture.width) / 2);
    const y = Math.floor((height - picture.height) / 2);
    paste(target, { ...whole(picture), x, y }, picture, whole(picture), invert);
  } else {
    paste(target, whole(target), picture, centreCrop(picture, width / height), invert);
  }
  return target;
}

/**
 * Bring a drawing, white on black, to the model's size.
 *
 * @param {HTMLCanvasElement} drawing
 * @param {number} width
 * @param {number} height
 * @param {boolean} centre Whether to fit its ink into the middle, as MNIST's digits were made.
 * @returns {HTMLCanvasElement}
 */
export function fittedDrawing(drawing, width, height, centre) {
  const target = blackCanvas(width, height);
  const side = Math.min(width, height);
  if (!centre) {
    const [x, y] = [width, height].map((length) => Math.floor((length - side) / 2));
    paste(target, { x, y, width: side, height: side }, drawing, whole(drawing));
    return target;
  }
  const { box, mass } = findInk(drawing);
  const scale = (side * digitShare(side)) / Math.max(box.width, box.height);
  // The centre of mass comes to the middle, unless that pushed ink out of the picture. Whole
  // pixels, as in MNIST: browsers round fractions each in its own way.
  const span = (length, from, size, middle) => {
    const scaled = Math.max(1, Math.round(size * scale));
    const start = Math.round(length / 2 - (middle - from) * scale);
    return [Math.min(Math.max(start, 0), length - scaled), scaled];
  };
  const [x, scaledWidth] = span(width, box.x, box.width, mass.x);
  const [y, scaledHeight] = span(height, box.y, box.height, mass.y);
  paste(target, { x, y, width: scaledWidth, height: scaledHeight }, drawing, box);
  return target;
}
