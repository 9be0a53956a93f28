/** The victim of attacks on teaching schemes: a network in the two files that a trainer would hold. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import { xorSettings } from '../../data/xor.ts';
import type { LayerWeights } from '../../nn/architecture.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { recipe } from '../../nn/recipes.ts';
import { collectCiphertexts, mapLayers } from '../../nn/sealed/layer-ciphertexts.ts';
import { layoutOfFile } from '../../nn/sealed/layout.ts';
import { unpackWeights } from '../../nn/sealed/weight-slots.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import type { TeachingKeys, TeachingModel } from '../../protocol/teaching-files.ts';
import { fromFixed } from '../../schemes/fixed-point/quantize.ts';
import { SCHEMES, type TeachingSchemeName } from '../../schemes/traits.ts';
import { Console } from '../console.ts';
import { largestDifference } from '../demo/clear-twin.ts';
import { errorBits, formatCount } from '../format.ts';
import { sealDemonstration } from '../schemes/seal-demonstration.ts';
import { readTeachingFiles } from '../schemes/teaching-files.ts';

export interface TeachingVictim {
  readonly files: TeachingKeys;
  readonly model: TeachingModel;
  /** What was sealed, where that was done here. */
  readonly sealed?: readonly LayerWeights[];
}

/** The files of a folder, or of a demonstration that is sealed for the purpose. HermeticError BAD_FILE, DISK. */
export async function readNetwork(
  console: Console,
  scheme: TeachingSchemeName,
  folder: string | undefined,
): Promise<TeachingVictim> {
  if (folder !== undefined) return read(scheme, folder);
  const temporary = await mkdtemp(join(tmpdir(), 'hermetic-break-'));
  try {
    const { architecture, initializers } = recipe('xor');
    const weights = initialWeights(architecture, initializers);
    const model = {
      architecture,
      weights,
      features: { ...xorSettings() },
      provenance: [describeInitialization(initializers)],
    };
    const silent = new Console(
      { ...console.io, stdout: { write: () => {} }, stderr: { write: () => {} } },
      { quiet: true },
    );
    const target = { folder: temporary, inputs: [], force: false };
    await sealDemonstration(silent, model, { scheme, demonstration: true, batch: undefined, ...target });
    return { ...(await read(scheme, temporary)), sealed: weights };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function read(scheme: TeachingSchemeName, folder: string): Promise<TeachingVictim> {
  const { keys, model } = await readTeachingFiles(folder, () => {});
  if (keys.scheme !== scheme || model.scheme !== scheme) {
    throw new HermeticError('BAD_FILE', 'this folder is of another scheme', {
      expected: scheme,
      got: keys.scheme,
      mend: `${SCHEMES[keys.scheme].attack} ${folder} opens it.`,
    });
  }
  if (model.keyId !== keys.keyId) {
    throw new HermeticError('WRONG_KEY', 'the network was sealed under other keys than those beside it', {
      expected: `key ${keys.keyId.slice(0, 12)}…`,
      got: `${model.keyId.slice(0, 12)}…`,
      mend: 'Take both files from one folder.',
    });
  }
  return { files: keys, model };
}

const SHOWN = 5;
/** Fixed point of 8 fractional bits, the coarsest here, is off by half of that. */
const TOLERANCE = 2 ** -8;

export interface ReadNetwork {
  /** The weights, and how far from those that were sealed, in sentences. */
  readonly facts: readonly string[];
  /** They are those that were sealed, where that is known. */
  readonly right: boolean;
}

export const NO_KEY: ReadNetwork = { facts: ['No key was found that fits.'], right: false };

/** The network in the clear. `open` decrypts one part of a ciphertext. */
export function tellNetwork({ model, sealed }: TeachingVictim, open: (plain: unknown) => bigint[]): ReadNetwork {
  const weights = openNetwork(model, open);
  const count = weights.reduce((sum, { kernel, bias }) => sum + kernel.length + (bias?.length ?? 0), 0);
  const first = Array.from(weights[0].kernel.slice(0, SHOWN), (w) => w.toFixed(4)).join(', ');
  const facts = [`${formatCount(count)} weights read without a key that was given: ${first}, …`];
  if (sealed === undefined) return { facts, right: true };
  const worst = largestDifference(weights, sealed);
  const right = worst <= TOLERANCE;
  const what = right
    ? `All are those that were sealed, to 2^-${errorBits(worst).toFixed(0)}.`
    : 'They are not those that were sealed.';
  return { facts: [...facts, what], right };
}

function openNetwork(model: TeachingModel, open: (plain: unknown) => bigint[]): LayerWeights[] {
  const { architecture } = model;
  const { packing, slots: width, ciphertexts } = model;
  const layout = layoutOfFile(packing, architecture, { slots: width, ciphertexts: ciphertexts.length });
  const named = model.ciphertexts.map((ciphertext) => ({ name: ciphertext.name, ciphertext }));
  const layers = collectCiphertexts(architecture, layout, named);
  if (layers === undefined) {
    throw new HermeticError('BAD_FILE', 'the ciphertexts of this model are not those of its architecture');
  }
  const slots = mapLayers(layers, ({ re, im, logScale }) => {
    const part = (plain: unknown) =>
      Float64Array.from(open(plain).slice(0, model.slots), (integer) => fromFixed(integer, logScale));
    return { re: part(re), im: im === undefined ? new Float64Array(model.slots) : part(im) };
  });
  return unpackWeights(architecture, layout, slots);
}
