/**
 * Refreshing without anybody's help: an engine of its own with the bootstrapping keys, beside the one that trains. Nothing
 * in it is random, so a run that is resumed ends bit for bit as one that was not interrupted.
 */
import { equalBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { Bootstrapper, type BootstrappingStage } from '../circuits/bootstrapping.ts';
import { collectKeys, nameOf } from '../circuits/bootstrapping-keys.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import { MAX_HEAP_BYTES } from '../kernels/heap.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { packForRefresh, planRefreshPacking, unpackRefreshed } from '../nn/sealed/refresh-packing.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { openBootstrappingKeys } from '../protocol/bootstrapping-keys.ts';
import type { ByteSource } from '../protocol/byte-source.ts';
import type { ReadOptions } from '../protocol/container-reader.ts';
import { KeyStore } from '../rlwe/key-store.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { type Ciphertext, copyTo } from '../schemes/ckks/ciphertext.ts';
import type { Refresher } from '../schemes/refresher.ts';
import { requireTrainerKey, type TrainerKeys } from './trainer-keys.ts';

/** Limbs of ciphertexts, digits and sums at the worst moment of a bootstrapping, tables included. */
const WORKING_LIMBS = 2600;

export interface Bootstrapping {
  readonly mode: 'bootstrap';
  /** Of the trainer keys that they belong to. */
  readonly keyId: string;
  /** Slots after which the messages must repeat. */
  readonly slots: number;
  /** That ciphertexts come back at: the top one, or one below where messages repeat sooner than the slots. */
  readonly level: number;
  /** Bytes of keys in the kernels' memory, and in the host's for want of room there. */
  readonly keyBytes: { readonly resident: number; readonly parked: number };
  /** Ciphertexts bootstrapped so far. */
  readonly count: number;
  /** The same slots at `level`, in the memory of the ciphertext's own context; bit for bit the same each time. */
  bootstrap(ciphertext: Ciphertext, onStage?: (stage: BootstrappingStage) => void): Ciphertext;
  /** Stops the engine. */
  dispose(): void;
}

export interface ReadBootstrappingOptions extends ReadOptions {
  /** Default: all cores. */
  readonly threads?: number;
  /** Called as keys come in. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Bytes of the kernels' memory that keys may take. Default: what is left of 4 GiB beside the work. */
  readonly residentBytes?: number;
  /** Keys beyond that wait with half of their bytes and are expanded anew each time: slower, for machines of 8 GB. */
  readonly compact?: boolean;
}

/**
 * Reads bootstrapping keys, one polynomial at a time.
 * @throws HermeticError BAD_FILE; WRONG_KEY for those of other trainer keys; BAD_ARGUMENT for a set without bootstrapping
 */
export async function readBootstrappingKeys(
  source: ByteSource,
  keys: TrainerKeys,
  options: ReadBootstrappingOptions = {},
): Promise<Bootstrapping> {
  const { threads, onProgress, residentBytes, compact, ...readOptions } = options;
  const { parameters } = keys.context;
  requireBootstrapping(keys);
  const engine = await createEngine(threads === undefined ? {} : { threads });
  const context = new BootstrappingContext(parameters, engine);
  try {
    const planFor = (logSlots: number) => planBootstrapping(parameters, logSlots);
    const reader = await openBootstrappingKeys(source, context, planFor, readOptions);
    requireTrainerKey(keys, reader.header.keyId, 'the file of bootstrapping keys');
    requireSigner(keys, reader.header.signer);
    const plan = planFor(reader.header.logSlots);
    let store: KeyStore | undefined;
    // Its matrices come first: the store may take what they leave.
    const bootstrapper = new Bootstrapper(
      context,
      collectKeys((name) => store?.get(nameOf(name))),
      plan,
    );
    const room = MAX_HEAP_BYTES - engine.heap.bytesInUse - WORKING_LIMBS * 4 * context.ring.N;
    const filled = new KeyStore({ residentBytes: residentBytes ?? room, ...(compact !== undefined && { compact }) });
    store = filled;
    let done = 0;
    await reader.readKeys((name, key) => {
      filled.put(nameOf(name), key);
      onProgress?.(++done, reader.header.keys.length);
    });
    return bootstrappingOf(keys.keyId, context, bootstrapper, filled);
  } catch (error) {
    context.dispose();
    throw error;
  }
}

function bootstrappingOf(
  keyId: string,
  context: BootstrappingContext,
  bootstrapper: Bootstrapper,
  { residentBytes, parkedBytes }: KeyStore,
): Bootstrapping {
  const { logSlots, level } = bootstrapper.plan;
  let count = 0;
  return {
    mode: 'bootstrap',
    keyId,
    get count() {
      return count;
    },
    slots: 2 ** logSlots,
    level,
    keyBytes: { resident: residentBytes, parked: parkedBytes },
    bootstrap: (ciphertext, onStage) => {
      const inside = copyTo(context.ring, ciphertext);
      let refreshed: Ciphertext | undefined;
      try {
        refreshed = bootstrapper.bootstrap(inside, onStage);
        count++;
        return copyTo(ciphertext.c0.ring, refreshed);
      } finally {
        inside.dispose();
        refreshed?.dispose();
      }
    },
    dispose: () => context.dispose(),
  };
}

/** Neither another signer nor none: @throws HermeticError WRONG_KEY */
function requireSigner({ signer }: TrainerKeys, named: Uint8Array | undefined): void {
  const same = signer === undefined || named === undefined ? signer === named : equalBytes(signer, named);
  if (same) return;
  throw new HermeticError('WRONG_KEY', 'the owner of these trainer keys did not sign the bootstrapping keys', {
    expected: signer === undefined ? 'keys without a signature' : 'the signer of the trainer keys',
    got: named === undefined ? 'no signature' : 'another signer',
    mend: 'Ask the owner for both files again, by another way.',
  });
}

/** @throws HermeticError BAD_ARGUMENT for keys of a set without bootstrapping */
export function requireBootstrapping({ context }: TrainerKeys): void {
  const { set, bootstrapping } = context.parameters;
  if (bootstrapping !== undefined) return;
  throw new HermeticError('BAD_ARGUMENT', `the set ${set} does not bootstrap`, {
    mend: "Ask the owner for keys of set B16, or refresh by the owner's server.",
  });
}

/** @throws HermeticError WRONG_KEY for another's keys; PLAN_REFUSED where the network fills more slots than they serve */
export function requireFittingKeys(keys: TrainerKeys, network: SealedNetwork, bootstrapping: Bootstrapping): void {
  requireTrainerKey(keys, bootstrapping.keyId, 'the file of bootstrapping keys');
  const { period } = planRefreshPacking(network, 1);
  if (period > bootstrapping.slots) throw tooFewSlots(period, bootstrapping.slots);
}

/** For networks that `requireFittingKeys` has passed. */
export function bootstrapRefresher(
  { evaluator }: TrainerKeys,
  network: SealedNetwork,
  bootstrapping: Bootstrapping,
): Refresher<Ciphertext> {
  const weights = planRefreshPacking(network, 1);
  const both = planRefreshPacking(network, 2);
  const ofWeights = weights.groups.reduce((sum, { members }) => sum + members.length, 0);
  return {
    mode: 'bootstrap',
    refresh: async (ciphertexts, { level, signal }) => {
      const packing = ciphertexts.length === ofWeights ? weights : both;
      const packed = packForRefresh(evaluator, packing, ciphertexts);
      const refreshed: Ciphertext[] = [];
      try {
        for (const ciphertext of packed) {
          refreshed.push(bootstrapping.bootstrap(ciphertext));
          await letOthersWork();
          signal?.throwIfAborted();
        }
        return evaluator.scope(() =>
          unpackRefreshed(evaluator, packing, refreshed).map((ciphertext) => evaluator.dropToLevel(ciphertext, level)),
        );
      } finally {
        evaluator.dispose(...packed, ...refreshed);
      }
    },
  };
}

function tooFewSlots(needed: number, got: number): HermeticError {
  return new HermeticError('PLAN_REFUSED', 'the bootstrapping keys are for smaller networks', {
    expected: `${needed} slots`,
    got: `${got}`,
    mend: 'Ask the owner for bootstrapping keys of all slots.',
  });
}

/** Timers and signals get their turn between two ciphertexts. */
function letOthersWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
