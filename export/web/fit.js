/** Fit images and drawings to a model's size. */

import { blackCanvas, centerCrop, findInk, paste, whole } from "./canvas.js";

// MNIST's digits fill a box of 20 × 20 in 28 × 28 pixels, or in 32 × 32 after padding.
const digitShare = (side) => 20 / (side === 28 ? 28 : 32);

/**
 * Crop an image to the model's aspect ratio around its center, and scale it. An image that is
 * slightly too small (MNIST's 28 for 32) is not scaled, but centered on black.
 *
 * @param {HTMLCanvasElement} image
 * @param {number} width
 * @param {number} height
 * @param {boolean} invert Whether to exchange dark and light.
 * @returns {HTMLCanvasElement}
 */
export function fittedImage(image, width, height, invert) {
  const target = blackCanvas(width, height);
  const slightlySmaller = (is, wanted) => is <= wanted && wanted <= 1.25 * is;
  if (slightlySmaller(image.width, width) && slightlySmaller(image.height, height)) {
    const x = Math.floor((width - image.width) / 2);
    const y = Math.floor((height - image.height) / 2);
    paste(target, { ...whole(image), x, y }, image, whole(image), invert);
  } else {
    paste(target, whole(target), image, centerCrop(image, width / height), invert);
  }
  return target;
}

/**
 * Scale a drawing, white on black, to the model's size.
 *
 * @param {HTMLCanvasElement} drawing
 * @param {number} width
 * @param {number} height
 * @param {boolean} center Whether to center and size the drawing as in MNIST.
 * @returns {HTMLCanvasElement}
 */
export function fittedDrawing(drawing, width, height, center) {
  const target = blackCanvas(width, height);
  const side = Math.min(width, height);
  if (!center) {
    const [x, y] = [width, height].map((length) => Math.floor((length - side) / 2));
    paste(target, { x, y, width: side, height: side }, drawing, whole(drawing));
    return target;
  }
  const { box, mass } = findInk(drawing);
  const scale = (side * digitShare(side)) / Math.max(box.width, box.height);
  // The center of mass is moved to the middle, unless this would move a part of the drawing out
  // of the image. Positions are whole pixels, as in MNIST, because browsers round differently.
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
