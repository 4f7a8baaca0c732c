/** Conversion between canvases and a model's pixels: uint8, row by row, channels last. */

import { context } from "./canvas.js";

const luma = ([red, green, blue]) => Math.round(0.299 * red + 0.587 * green + 0.114 * blue);

/** Functions from a canvas's pixel to a model's, by the model's number of channels. */
const FROM_RGBA = {
  1: (rgba) => [luma(rgba)],
  2: (rgba) => [luma(rgba), rgba[3]],
  3: (rgba) => rgba.subarray(0, 3),
  4: (rgba) => rgba,
};

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} channels From 1 to 4.
 * @returns {Uint8Array}
 */
export function toPixels(canvas, channels) {
  const { data } = context(canvas).getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint8Array((data.length / 4) * channels);
  for (let from = 0, to = 0; from < data.length; from += 4, to += channels) {
    pixels.set(FROM_RGBA[channels](data.subarray(from, from + 4)), to);
  }
  return pixels;
}

/**
 * Convert a model's pixels to an image for display, without alpha.
 *
 * @param {Uint8Array} pixels
 * @param {number[]} shape Height, width and channels.
 * @returns {ImageData}
 */
export function toImageData(pixels, [height, width, channels]) {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; from += channels, to += 4) {
    const [first, second, third] = pixels.subarray(from, from + channels);
    image.data.set(channels < 3 ? [first, first, first, 255] : [first, second, third, 255], to);
  }
  return image;
}
