/**
 * Features of grey images:   u = pixels/255 − mean,   φ = u · √d / ‖u‖,   d = width × height,
 * so that every row has length √d. A row equal to the mean stays zero.
 */

import { checkInteger, checkLength } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { DenseRows } from '../nn/feature-rows.ts';
import { matrix } from './matrix.ts';
import { rounded } from './settings-numbers.ts';

/** Raw images, one after the other, each row-major, 0 … 255. */
export interface ImageInputs {
  readonly kind: 'image';
  readonly columns: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly pixels: Uint8Array | Float32Array;
}

export type ImageSettings = {
  readonly kind: 'image';
  /** Names of the pixels in a table, row by row. */
  readonly columns: readonly string[];
  readonly width: number;
  readonly height: number;
  /** Mean of pixels/255 over the fitting set, per pixel. */
  readonly mean: readonly number[];
};

/** Images over `pixels`, with the pixels called pixel0, pixel1, … as is usual in CSV files of digits. */
export function imageInputs(pixels: Uint8Array | Float32Array, width: number, height: number): ImageInputs {
  checkInteger('width', width, 1, 2 ** 10);
  checkInteger('height', height, 1, 2 ** 10);
  const size = width * height;
  const rows = Math.floor(pixels.length / size);
  checkLength('pixels', pixels, rows * size);
  return { kind: 'image', columns: Array.from({ length: size }, (_, i) => `pixel${i}`), width, height, rows, pixels };
}

/**
 * Images of means over factor × factor pixels, after `border` pixels on each side are cut off. 28 × 28 becomes 14 × 14
 * with factor 2, 7 × 7 with factor 4, and 8 × 8 with factor 3 and border 2.
 */
export function meanPool(images: ImageInputs, factor: number, border = 0): ImageInputs {
  const width = (images.width - 2 * border) / factor;
  const height = (images.height - 2 * border) / factor;
  checkInteger('pooled width', width, 1, images.width);
  checkInteger('pooled height', height, 1, images.height);
  const pooled = new Float32Array(images.rows * width * height);
  const area = factor * factor;
  for (let i = 0; i < pooled.length; i++) {
    const x = (i % width) * factor + border;
    const row = Math.floor(i / width); // rows of pixels over all images
    const y = (row % height) * factor + border + Math.floor(row / height) * images.height;
    let sum = 0;
    for (let dy = 0; dy < factor; dy++) {
      for (let dx = 0; dx < factor; dx++) sum += images.pixels[(y + dy) * images.width + x + dx];
    }
    pooled[i] = sum / area;
  }
  return imageInputs(pooled, width, height);
}

/** Settings fitted on `images`. @throws HermeticError BAD_DATA when there are none, or a pixel is not in 0 … 255 */
export function fitImages(images: ImageInputs): ImageSettings {
  checkPixels(images);
  const size = images.width * images.height;
  const sums = new Float64Array(size);
  for (let i = 0; i < images.pixels.length; i++) sums[i % size] += images.pixels[i];
  const { columns, width, height, rows } = images;
  if (rows === 0) throw new HermeticError('BAD_DATA', 'there are no images', { mend: 'Add rows.' });
  return { kind: 'image', columns, width, height, mean: Array.from(sums, (sum) => rounded(sum / (255 * rows))) };
}

/** Features of `images` under `settings`. @throws HermeticError BAD_DATA on images of another size or range */
export function applyImages(images: ImageInputs, settings: ImageSettings): DenseRows {
  const { width, height } = settings;
  if (images.width !== width || images.height !== height) {
    throw new HermeticError('BAD_DATA', 'the images have another size than the model was made for', {
      expected: `${width} × ${height}`,
      got: `${images.width} × ${images.height}`,
      mend: 'Scale the images.',
    });
  }
  checkPixels(images);
  const size = width * height;
  const result = matrix(images.rows, size);
  for (let row = 0; row < images.rows; row++) {
    const start = row * size;
    let square = 0;
    for (let j = 0; j < size; j++) {
      const value = images.pixels[start + j] / 255 - settings.mean[j];
      result.values[start + j] = value;
      square += value * value;
    }
    const factor = square > 0 ? Math.sqrt(size / square) : 0;
    for (let j = 0; j < size; j++) result.values[start + j] *= factor;
  }
  return new DenseRows(result.values, result.columns);
}

function checkPixels(images: ImageInputs): void {
  if (images.pixels instanceof Uint8Array) return;
  const wrong = images.pixels.findIndex((value) => !(value >= 0 && value <= 255));
  if (wrong < 0) return;
  const size = images.width * images.height;
  throw new HermeticError('BAD_DATA', `image ${Math.floor(wrong / size) + 1}: pixel ${wrong % size} is out of range`, {
    expected: 'grey values from 0 to 255',
    mend: 'Scale the pixels to 0 … 255.',
  });
}
