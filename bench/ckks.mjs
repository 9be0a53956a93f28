/** Suite `ckks`: the operations of a network against node-seal, at the same N and log2(QP). */
import { ours } from './ckks-ours.mjs';
import { PEER, seal } from './ckks-seal.mjs';
import { compare } from './measure.mjs';

const SETS = ['L14', 'L15'];

/** What is measured, and how many times faster than the peer it shall be. */
const OPERATIONS = [
  { name: 'rotate', goal: 12 },
  { name: 'multiply', goal: 12, about: 'multiply + relinearise + rescale' },
  { name: 'multiplyPlain', goal: 8, about: 'ciphertext × encoded plaintext' },
  { name: 'ntt', goal: 4, about: 'forward NTT of a polynomial of log2(QP) bits' },
  { name: 'encode', goal: 3 },
  { name: 'encrypt', goal: 3, about: 'encode + encrypt, public key' },
  { name: 'encryptSecret', goal: 3, about: 'encode + encrypt, secret key' },
  { name: 'decrypt', goal: 3, about: 'decrypt + decode, fresh ciphertext' },
];

/**
 * Yields one result at a time; see report.mjs for its fields.
 * @param {{ filters: readonly string[], threads: number, sealBits: number, effort: import('./measure.mjs').Effort }} options
 */
export async function* ckks({ filters, threads, sealBits, effort }) {
  const wanted = (set, name) => filters.length === 0 || filters.some((f) => f === set || f === name || f === 'ckks');
  for (const set of SETS) {
    const chosen = OPERATIONS.filter(({ name }) => wanted(set, name));
    if (chosen.length === 0) continue;
    const mine = await ours(set, threads);
    const peer = await seal(mine.logN, mine.logQP, sealBits);
    for (const { name, goal, about } of chosen) {
      const timings = compare([mine.operations[name], peer.operations[name]], effort, threads === 1 ? 'cpu' : 'wall');
      const normalised = name === 'ntt' ? perModulus(timings, mine, peer) : timings;
      yield result({ name, goal, about, set, mine, peer }, normalised);
    }
    peer.dispose();
    mine.dispose();
  }
}

/** Transforms compare by coefficient and modulus bit: both are brought to one polynomial of our log2(QP) bits. */
function perModulus(timings, mine, peer) {
  const bits = 2 ** mine.logN * mine.logQP;
  return timings.map((t, i) => {
    const factor = bits / [mine, peer][i].nttBits;
    return { median: t.median * factor, minimum: t.minimum * factor };
  });
}

function result({ name, goal, about, set, mine, peer }, [own, other]) {
  const round = (x) => Number(x.toPrecision(4));
  return {
    schema: 1,
    name,
    about: about ?? name,
    set,
    logN: mine.logN,
    logQP: Math.round(mine.logQP),
    ms: round(own.median),
    minimumMs: round(own.minimum),
    peer: PEER,
    peerMs: round(other.median),
    peerMinimumMs: round(other.minimum),
    peerPrimeBits: peer.sizes,
    ratio: round(other.median / own.median),
    goal,
  };
}
