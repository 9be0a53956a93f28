/** What each attack is about, in the words of a student; `telling.ts` prints all of them alike. */

export interface Explanation {
  /** Of the sub-command. */
  readonly attack: string;
  readonly title: string;
  /** What the attacker knows before it begins. */
  readonly knows: string;
  readonly asks: string;
  /** Why the answer opens the system. */
  readonly why: string;
  readonly paper: string;
  /** The rule of SECURITY.md against it. */
  readonly rule: string;
  /** Files that keep the rule. */
  readonly code: string;
}

export const unlockExplanation: Explanation = {
  attack: 'unlock',
  title: 'an unlock that answers everything decrypts the key',
  knows: 'What every trainer is given: trainer.keys and model.sealed.',
  asks: '“Please unlock my predictions.” But nothing was predicted: the ciphertext in the file is (0, Δ).',
  why:
    'A ciphertext (c0, c1) decrypts to c0 + c1·s. This one decrypts to Δ·s: its “predictions” are the slots of the ' +
    'secret key s itself, and from its slots a polynomial is computed like any other. Coarse answers give coarse slots, ' +
    'but every coefficient is a mean over all of them: errors average out. Or each answer is spent on one coefficient: ' +
    'where c0 is as large as numbers get, one more wraps around, and a label says whether it did. Few bits a row are no ' +
    'defence. Few bits in all are, under one key, for all who ask together.',
  paper: 'Chenal, Tang: On Key Recovery Attacks against Existing SHE Schemes, 2014/535',
  rule:
    'Unlocking as a decryption oracle: a released prediction is a label or at most 12 rounded bits, never raw slots, and ' +
    'few bits are released under one key, counted before anything is decrypted',
  code: 'src/owner/unlock.ts, src/owner/release.ts, src/owner/unlock-ledger.ts, src/owner/node/unlock-book.ts',
};

export const refreshExplanation: Explanation = {
  attack: 'refresh',
  title: 'an owner who says “out of range” says one bit of the key a call',
  knows: 'The parameters, and the bound B that the owner’s refresh checks.',
  asks: 'Refreshes of (B − 1, 2·X^-k) and of (−B + 1, 2·X^-k), for each place k of the key.',
  why:
    'The first decrypts to 2·s, turned so that s_k comes first, with B − 1 added there. Every coefficient is tiny but ' +
    'the first: B − 1 + 2·s_k exceeds B where s_k = 1, and only there. The owner’s “out of range” says so. If not, the ' +
    'second asks about −1. A third of the places take one question and the others two: 5/3·N calls.',
  paper: 'Zhang, Plantard, Susilo: Reaction Attack on Outsourced Computing with FHE Schemes, ICISC 2011',
  rule:
    'Reaction to a refresh: the owner lifts and re-encrypts masked integers; nothing is decoded, nothing depends on a ' +
    'value, every call is bound to (party, run, step, call) and budgeted',
  code: 'src/owner/refresh-service.ts, src/schemes/ckks/secret/secret-scheme.ts',
};

export const cpadExplanation: Explanation = {
  attack: 'cpad',
  title: 'one raw decryption, shown to the public, is the key',
  knows: 'A ciphertext (c0, c1), which is no secret, and what the owner published as its decryption.',
  asks: 'Nothing. It reads along.',
  why:
    'CKKS decrypts to m + e = c0 + c1·s, noise e included: that is how approximate numbers are. Raw slots, encoded again ' +
    'and rounded, are the integers m + e exactly. Then s = (m + e − c0)/c1, a division at each point of the NTT. ' +
    'Round the slots well above the noise and e is gone: every wrong integer makes the quotient noise all over.',
  paper: 'Li, Micciancio: On the Security of HE on Approximate Numbers, 2020/1533',
  rule:
    'Reading the key out of a published decryption: raw decryptions never leave the owner; what is released is rounded ' +
    'above the noise; a new key for each party and round',
  code: 'src/owner/release.ts, src/owner/seal.ts',
};

export const vectorExplanation: Explanation = {
  attack: 'vector',
  title: 'the post’s scheme publishes its secret key',
  knows:
    'The public key, which every trainer holds: M = [S* + E − T·A ; A]. T is the secret, A and E are small and random, and ' +
    'S*, the powers of two of the identity, is the same for everybody.',
  asks: 'Nothing. Only “chosen ciphertexts” asks, once, for the decryption of w·e_j, nothing but w in entry j.',
  why:
    'A is published, E is small, and S* is known: E − T·A is on the table, hundreds of noisy equations for each row of T. ' +
    'Least squares, rounded, is T. With a modulus one error has ten values: guess it, divide, and see whether five other ' +
    'equations agree. There is no hard problem in it, at any size.',
  paper: 'Bogos, Gaspoz, Vaudenay: Cryptanalysis of a Homomorphic Encryption Scheme, 2016/775',
  rule: 'Teaching schemes: `seal` refuses them for a model that is not marked a demonstration',
  code: 'src/protocol/teaching-files.ts, src/attacks/vector-key.ts',
};

export const yasheExplanation: Explanation = {
  attack: 'yashe',
  title: 'a short vector of a small lattice is the key',
  knows: 'The public key h = t·g/f modulo q, f = t·f′ + 1, and that f′ and g are ternary.',
  asks: 'Nothing.',
  why:
    'f′·h + h/t = g: so f′·h falls next to −h/t in the lattice of all pairs (x, x·h mod q), nearer than anything else. ' +
    'LLL finds a basis of short vectors, Babai’s nearest plane the point. Products need a large q, and the larger q is, ' +
    'the farther the key stands out: that is why no ring large enough to be safe was ever small enough to be used.',
  paper: 'Albrecht, Bai, Ducas: A Subfield Lattice Attack on Overstretched NTRU Assumptions, 2016/127',
  rule: 'Teaching schemes: `seal` refuses them for a model that is not marked a demonstration',
  code: 'src/protocol/teaching-files.ts, src/attacks/yashe-key.ts',
};
