/** `hermetic break yashe`: LLL finds the keys of a small YASHE, and a sealed network is read with them. */
import { recoverYasheKey } from '../../attacks/yashe-key.ts';
import { openYasheCiphertext, recoverYasheKeys } from '../../attacks/yashe-open.ts';
import { YasheContext } from '../../schemes/yashe/context.ts';
import { publicKeyIntegers } from '../../schemes/yashe/keys.ts';
import { YASHE_SET, yasheParameters } from '../../schemes/yashe/parameters.ts';
import { ciphertextFromPlain, publicKeysFromPlain } from '../../schemes/yashe/plain-form.ts';
import { generateYashePublicKey } from '../../schemes/yashe/secret/key-generation.ts';
import { YasheSecretKey } from '../../schemes/yashe/secret/secret-key.ts';
import type { Console } from '../console.ts';
import { formatCount } from '../format.ts';
import { yasheExplanation } from './explanation.ts';
import { NO_KEY, readNetwork, type TeachingVictim, tellNetwork } from './teaching-network.ts';
import { Telling } from './telling.ts';
import { type Trial, timed } from './trial.ts';
import { type BreakTeachingOptions, openedTrial } from './vector.ts';

/** Returns the exit code. HermeticError BAD_FILE, DISK for files that are no demonstration's. */
export async function breakYashe({ console, folder, keys }: BreakTeachingOptions): Promise<number> {
  const victim = await readNetwork(console, 'yashe', folder);
  const telling = new Telling(console, yasheExplanation);
  const { N } = await yasheParameters(YASHE_SET);
  telling.open(YASHE_SET, N);
  telling.trial(await tryFreshKeys(keys));
  telling.trial(await tryNetwork(console, victim));
  return telling.close(YASHE_SET, N);
}

/** One key a plaintext modulus, so each makes one. */
export async function tryFreshKeys(count: number): Promise<Trial> {
  const context = await YasheContext.create(await yasheParameters(YASHE_SET, 1));
  try {
    let recovered = 0;
    const { seconds } = await timed(() => {
      for (let i = 0; i < count; i++) if (recoversFreshKey(context)) recovered++;
    });
    const facts = [
      `Lattices of dimension ${2 * context.parameters.N}, q of ${Math.ceil(context.parameters.logQ)} bits; compared with the secret.`,
    ];
    const outcome = `${formatCount(recovered)} of ${formatCount(count)} secret keys, exactly`;
    return openedTrial('fresh keys', recovered === count, outcome, 0, seconds, facts);
  } finally {
    context.dispose();
  }
}

/** f is determined up to its sign and a power of Y; what is found must be one of those. */
function recoversFreshKey(context: YasheContext): boolean {
  const secret = YasheSecretKey.generate(context);
  const { q, parts } = publicKeyIntegers(context, generateYashePublicKey(context, secret));
  const [{ t, h }] = parts;
  const found = recoverYasheKey(h, q, t);
  const own = Array.from(new Int8Array(secret.toBytes()), (x, i) => t * BigInt(x) + (i === 0 ? 1n : 0n));
  secret.dispose();
  return found?.every((x, i) => x === own[i]) ?? false;
}

async function tryNetwork(console: Console, victim: TeachingVictim): Promise<Trial> {
  const { context, publicKey } = await publicKeysFromPlain(victim.files.keys);
  try {
    const total = publicKey.h.length;
    const progress = console.progress({ unit: 'key', total, every: total });
    const { result: keys, seconds } = await timed(() =>
      recoverYasheKeys(context, publicKey, (done) => progress.update(done)),
    ).finally(() => progress.stop());
    const open = (plain: unknown): bigint[] => {
      const ciphertext = ciphertextFromPlain(context, plain);
      const values = openYasheCiphertext(context, keys ?? [], ciphertext);
      ciphertext.dispose();
      return values;
    };
    const { facts, right } = keys ? tellNetwork(victim, open) : NO_KEY;
    const sealedUnder = `Sealed under ${total} keys, one a plaintext modulus.`;
    return openedTrial('a sealed network', right, right ? 'every weight' : 'nothing', 0, seconds, [
      sealedUnder,
      ...facts,
    ]);
  } finally {
    context.dispose();
  }
}
