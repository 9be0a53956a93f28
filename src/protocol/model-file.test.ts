import { describe, expect, it } from 'vitest';
import { plainModel } from '../../test/vectors/format-v1/fixture.ts';
import { HermeticError } from '../base/errors.ts';
import { type PlainModel, readModelFile, writeModelFile } from './model-file.ts';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.ts';

/** The example with its tensors or metadata changed behind the writer's back. */
function changed(change: (tensors: Map<string, Tensor>, metadata: Record<string, string>) => void): () => PlainModel {
  const { tensors, metadata } = readSafetensors(writeModelFile(plainModel));
  const map = new Map(tensors);
  const meta = { ...metadata };
  change(map, meta);
  return () => readModelFile(writeSafetensors({ tensors: map, metadata: meta }));
}

describe('a model file', () => {
  it('keeps every bit as F64', () => {
    expect(readModelFile(writeModelFile(plainModel))).toEqual(plainModel);
  });

  it('rounds to single precision as F32', () => {
    const read = readModelFile(writeModelFile(plainModel, 'F32'));
    expect(read.weights[0].kernel[2]).toBe(Math.fround(1 / 3));
    expect(writeModelFile(plainModel, 'F32').length).toBeLessThan(writeModelFile(plainModel).length);
  });

  it('names tensors as Keras does', () => {
    const { tensors } = readSafetensors(writeModelFile(plainModel));
    const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual({ 'layers.0.kernel': [2, 3], 'layers.0.bias': [3], 'layers.1.kernel': [3, 1] });
  });

  it('is refused without what makes it a model', () => {
    expect(changed((_, metadata) => delete metadata.hermetic)).toThrow('without an architecture');
    expect(changed((_, metadata) => (metadata.hermetic = '{'))).toThrow(HermeticError);
    expect(changed((_, metadata) => (metadata.hermetic = '{"format":2}'))).toThrow('format 1');
    expect(changed((tensors) => tensors.delete('layers.0.bias'))).toThrow('expected 3; got 2');
    expect(changed((tensors) => tensors.set('other', { shape: [0], data: new Float32Array(0) }))).toThrow(
      HermeticError,
    );
    const kernel: Tensor = { shape: [3, 2], data: new Float64Array(6) };
    expect(changed((tensors) => tensors.set('layers.0.kernel', kernel))).toThrow('expected [2, 3]; got [3, 2]');
    const infinite: Tensor = { shape: [3], data: Float64Array.of(0, 1 / 0, 0) };
    expect(changed((tensors) => tensors.set('layers.0.bias', infinite))).toThrow('NaN or infinity');
  });

  it('is refused with a key that would change an object, not fill it', () => {
    const poisoned = changed((_, metadata) => {
      metadata.hermetic = metadata.hermetic.replace('"features":{', '"features":{"__proto__":{"admin":true},');
    });
    expect(poisoned).toThrow('features: expected plain JSON');
  });

  it('is not written with weights that do not fit', () => {
    const short = [{ kernel: new Float64Array(5), bias: new Float64Array(3) }, plainModel.weights[1]];
    expect(() => writeModelFile({ ...plainModel, weights: short })).toThrow('kernel of layer 0 is not 2 × 3');
    const nan = [plainModel.weights[0], { kernel: Float64Array.of(0, Number.NaN, 0), bias: undefined }];
    expect(() => writeModelFile({ ...plainModel, weights: nan })).toThrow(TypeError);
  });
});
