/** Functions that canvases lack: scaling without aliasing, and the bounding box of a drawing. */

/** The drawing context of a canvas. Its pixels are read often, so it is not kept on the GPU. */
export function context(canvas) {
  const drawn = canvas.getContext("2d", { willReadFrequently: true });
  drawn.imageSmoothingQuality = "high";
  return drawn;
}

export function blackCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  context(canvas).fillRect(0, 0, width, height);
  return canvas;
}

/** An image whose transparent parts are white, as viewers show it. */
export function onWhite(image) {
  const canvas = blackCanvas(image.width, image.height);
  const drawn = context(canvas);
  drawn.fillStyle = "#fff";
  drawn.fillRect(0, 0, canvas.width, canvas.height);
  drawn.drawImage(image, 0, 0);
  return canvas;
}

export function whole({ width, height }) {
  return { x: 0, y: 0, width, height };
}

/** The largest centered box of an aspect ratio (width / height) in an image. */
export function centerCrop(image, ratio) {
  const width = Math.min(image.width, image.height * ratio);
  const height = width / ratio;
  return { x: (image.width - width) / 2, y: (image.height - height) / 2, width, height };
}

/**
 * Scale a part of an image onto a part of a canvas.
 *
 * @param {HTMLCanvasElement} target
 * @param {{x: number, y: number, width: number, height: number}} place Part of the target.
 * @param {CanvasImageSource} image
 * @param {{x: number, y: number, width: number, height: number}} box Part of the image.
 * @param {boolean} invert Whether to exchange dark and light.
 */
export function paste(target, place, image, box, invert = false) {
  // For each target pixel, browsers read only a few source pixels. Repeated halving reads all.
  while (box.width >= 2 * place.width && box.height >= 2 * place.height) {
    const half = blackCanvas(Math.ceil(box.width / 2), Math.ceil(box.height / 2));
    draw(half, whole(half), image, box);
    [image, box] = [half, whole(half)];
  }
  draw(target, place, image, box);
  if (invert) {
    const drawn = context(target);
    drawn.globalCompositeOperation = "difference"; // `filter` is missing in Safari
    drawn.fillStyle = "#fff";
    drawn.fillRect(place.x, place.y, place.width, place.height);
    drawn.globalCompositeOperation = "source-over";
  }
}

function draw(target, to, image, from) {
  context(target).drawImage(
    image,
    ...[from.x, from.y, from.width, from.height],
    ...[to.x, to.y, to.width, to.height],
  );
}

/**
 * Find the bounding box and the center of mass of a drawing.
 *
 * @param {HTMLCanvasElement} drawing White on black, not empty.
 * @returns {{box: {x: number, y: number, width: number, height: number},
 *   mass: {x: number, y: number}}} The bounding box and the center of mass.
 */
export function findInk(drawing) {
  const { width, height } = drawing;
  const { data } = context(drawing).getImageData(0, 0, width, height);
  let [left, right, top, bottom] = [width, 0, height, 0];
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = data[4 * (y * width + x)];
      if (ink === 0) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
      sum += ink;
      sumX += ink * (x + 0.5);
      sumY += ink * (y + 0.5);
    }
  }
  return {
    box: { x: left, y: top, width: right - left, height: bottom - top },
    mass: { x: sumX / sum, y: sumY / sum },
  };
}
