import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { parseIdx } from './idx.ts';
import { applyImages, fitImages, imageInputs, meanPool } from './images.ts';
import { takeRows } from './matrix.ts';

function randomImages(count: number, width: number, height: number) {
  const random = new SeededRandom(1);
  return imageInputs(
    Uint8Array.from({ length: count * width * height }, () => random.integer(256)),
    width,
    height,
  );
}

describe('meanPool', () => {
  it('takes means over squares of pixels', () => {
    const image = imageInputs(Uint8Array.of(0, 4, 8, 8, 4, 8, 8, 8, 1, 1, 0, 0, 1, 1, 0, 2), 4, 4);
    expect([...meanPool(image, 2).pixels]).toEqual([4, 8, 1, 0.5]);
    expect([...meanPool(image, 2, 1).pixels]).toEqual([(8 + 8 + 1 + 0) / 4]);
  });

  it('treats each of several images alone, oblong ones too', () => {
    const images = randomImages(3, 8, 6);
    const pooled = meanPool(images, 2);
    expect([pooled.width, pooled.height, pooled.rows]).toEqual([4, 3, 3]);
    for (let i = 0; i < 3; i++) {
      const alone = meanPool(imageInputs(images.pixels.slice(i * 48, (i + 1) * 48), 8, 6), 2);
      expect(pooled.pixels.slice(i * 12, (i + 1) * 12)).toEqual(alone.pixels);
    }
    expect(pooled.pixels[5]).toBe((images.pixels[18] + images.pixels[19] + images.pixels[26] + images.pixels[27]) / 4);
  });

  it('refuses sizes that do not divide', () => {
    expect(() => meanPool(randomImages(1, 5, 5), 2)).toThrow(RangeError);
  });
});

describe('image features', () => {
  it('are centred by the mean image and have length √d', () => {
    const images = randomImages(40, 3, 4);
    const settings = fitImages(images);
    const { values } = takeRows(applyImages(images, settings), [...Array(40).keys()]);
    for (let row = 0; row < 40; row++) {
      const centred = [...images.pixels.slice(row * 12, row * 12 + 12)].map(
        (pixel, j) => pixel / 255 - settings.mean[j],
      );
      const norm = Math.hypot(...centred);
      centred.forEach((u, j) => {
        expect(values[row * 12 + j]).toBeCloseTo((u / norm) * Math.sqrt(12), 5);
      });
    }
    for (let j = 0; j < 12; j++) {
      let sum = 0;
      for (let row = 0; row < 40; row++) sum += images.pixels[row * 12 + j];
      expect(settings.mean[j]).toBeCloseTo(sum / 255 / 40, 6);
    }
  });

  it('of the mean image itself are zero', () => {
    const images = imageInputs(Uint8Array.of(0, 255, 0, 255), 2, 1);
    expect([...takeRows(applyImages(images, fitImages(images)), [0, 1]).values]).toEqual([0, 0, 0, 0]);
  });

  it('refuse other sizes and pixels out of range', () => {
    const settings = fitImages(randomImages(4, 3, 4));
    expect(() => applyImages(randomImages(1, 4, 3), settings)).toThrow('expected 3 × 4; got 4 × 3');
    expect(() => applyImages(imageInputs(new Float32Array(12).fill(256), 3, 4), settings)).toThrow('image 1: pixel 0');
    expect(() => applyImages(imageInputs(new Float32Array(12).fill(Number.NaN), 3, 4), settings)).toThrow(
      HermeticError,
    );
    expect(() => fitImages(imageInputs(new Uint8Array(), 2, 2))).toThrow('there are no images');
    expect(() => imageInputs(new Uint8Array(5), 2, 2)).toThrow(RangeError);
  });
});

describe('parseIdx', () => {
  const file = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);

  it('reads dimensions and bytes', () => {
    expect(parseIdx(file)).toEqual({ dimensions: [2, 3], values: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  it('refuses foreign, truncated and overlong files', () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => parseIdx(file.subarray(0, length))).toThrow(HermeticError);
    }
    expect(() => parseIdx(Uint8Array.of(...file, 0), 'x')).toThrow('x is cut short or has more than it should');
    expect(() => parseIdx(Uint8Array.of(0, 0, 13, 1, 0, 0, 0, 0))).toThrow('is not an IDX file of bytes');
  });
});
