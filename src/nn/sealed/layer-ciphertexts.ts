/** The ciphertexts of a network's parameters: their shape, their names in files, and loops over them. */

import type { Architecture } from '../architecture.ts';
import { ciphertextCount, layerShape, type SealedLayout } from './layout.ts';

/**
 * One layer. First layer: kernel[group][chunk], its bias within. Later layers: kernel[list unit][group], the list being
 * the layer's outputs (odd layers) or inputs (even ones), and bias[output] or bias[group].
 */
export interface LayerCiphertexts<C> {
  readonly kernel: readonly (readonly C[])[];
  readonly bias: readonly C[];
}

export interface NamedCiphertext<C> {
  /** layer/kernel/row/column or layer/bias/index, counted from 0. */
  readonly name: string;
  readonly ciphertext: C;
}

/** The names of all ciphertexts of a network, in order. */
export function ciphertextNames(architecture: Architecture, layout: SealedLayout): LayerCiphertexts<string>[] {
  return architecture.layers.map((layer, index) => {
    const { rows, columns, biases } = layerShape(layer, index, layout);
    return {
      kernel: range(rows).map((row) => range(columns).map((column) => `${index}/kernel/${row}/${column}`)),
      bias: range(biases).map((unit) => `${index}/bias/${unit}`),
    };
  });
}

/** All ciphertexts in the order of `ciphertextNames`. */
export function flattenLayers<C>(layers: readonly LayerCiphertexts<C>[]): C[] {
  return layers.flatMap(({ kernel, bias }) => [...kernel.flat(), ...bias]);
}

/** The inverse of `flattenLayers`, in the shape of `like`. */
export function unflattenLayers<A, C>(like: readonly LayerCiphertexts<A>[], flat: readonly C[]): LayerCiphertexts<C>[] {
  let next = 0;
  const built = mapLayers(like, () => flat[next++]);
  if (next !== flat.length) throw new RangeError(`ciphertexts: expected ${next}, got ${flat.length}`);
  return built;
}

/** Applies `change` to every ciphertext, in order. */
export function mapLayers<A, C>(
  layers: readonly LayerCiphertexts<A>[],
  change: (ciphertext: A, layer: number) => C,
): LayerCiphertexts<C>[] {
  return layers.map(({ kernel, bias }, layer) => ({
    kernel: kernel.map((row) => row.map((ciphertext) => change(ciphertext, layer))),
    bias: bias.map((ciphertext) => change(ciphertext, layer)),
  }));
}

/** With names, for files. */
export function nameCiphertexts<C>(
  architecture: Architecture,
  layout: SealedLayout,
  layers: readonly LayerCiphertexts<C>[],
): NamedCiphertext<C>[] {
  const ciphertexts = flattenLayers(layers);
  return flattenLayers(ciphertextNames(architecture, layout)).map((name, i) => ({ name, ciphertext: ciphertexts[i] }));
}

/** From a file, in any order; undefined when names are missing, superfluous or doubled. */
export function collectCiphertexts<C>(
  architecture: Architecture,
  layout: SealedLayout,
  named: readonly NamedCiphertext<C>[],
): LayerCiphertexts<C>[] | undefined {
  // Before a name is made: what the architecture claims may be without measure.
  if (ciphertextCount(architecture, layout) !== named.length) return undefined;
  const byName = new Map(named.map(({ name, ciphertext }) => [name, ciphertext]));
  const names = ciphertextNames(architecture, layout);
  if (byName.size !== named.length || !flattenLayers(names).every((name) => byName.has(name))) return undefined;
  return mapLayers(names, (name) => byName.get(name) as C);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
