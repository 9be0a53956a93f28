/** Keys that somebody exchanged on their way: all refused, and told apart from damage. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootstrappingFile,
  makeParty,
  type Party,
  read as readBootstrapping,
  SET,
} from '../../test/fixtures/bootstrapping-party.ts';
import { forge, type KeyFileParts, partsOf, signedAgain } from '../../test/fixtures/forged-keys.ts';
import { makeModel, SET as SMALL, silent } from '../../test/fixtures/sealed-round.ts';
import { writeBootstrappingKeys } from '../owner/bootstrapping-keys.ts';
import { writeTrainerKeys } from '../owner/key-file.ts';
import { type CreatedKeys, createKeys } from '../owner/owner-keys.ts';
import { seal } from '../owner/seal.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { unsignedKeyIdOf } from '../protocol/ckks-codec.ts';
import { inspectFile } from '../protocol/inspect.ts';
import { signerOf } from '../protocol/key-signature.ts';
import { createSigningKey, type SigningKey } from '../protocol/signing-key.ts';
import { type ReadTrainerKeysOptions, readTrainerKeys, requireTrainerKey } from './trainer-keys.ts';

const needs = { rotations: [1], conjugation: false, relinearization: true };

async function trainerFile(owner: CreatedKeys): Promise<Uint8Array> {
  const sink = memorySink();
  await writeTrainerKeys(sink, owner);
  return sink.bytes();
}

let owner: CreatedKeys;
let mallory: CreatedKeys;
let thief: SigningKey;
let file: Uint8Array;
let parts: KeyFileParts;
let foreign: KeyFileParts;
beforeAll(async () => {
  owner = await createKeys({ set: SMALL, threads: 1, needs });
  mallory = await createKeys({ set: SMALL, threads: 1, needs });
  thief = await createSigningKey();
  file = await trainerFile(owner);
  parts = await partsOf(file);
  foreign = await partsOf(await trainerFile(mallory));
});
afterAll(() => {
  for (const keys of [owner, mallory]) keys.dispose();
});

/** 'read', or what is said where the file is refused. */
async function outcome(bytes: Uint8Array, options: ReadTrainerKeysOptions = {}): Promise<string> {
  try {
    (await readTrainerKeys(memorySource(bytes), { ...silent, threads: 1, ...options })).dispose();
    return 'read';
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
}

const SIGNATURE = /^WRONG_KEY: these trainer keys are not as their owner signed them/;
const PUBLIC_KEY = /^BAD_FILE: the public key is not the one that these keys name/;

describe('trainer keys', () => {
  it('are read as the owner signed them', async () => {
    expect(await outcome(file)).toBe('read');
    expect(await outcome(file, { keyId: owner.keyId })).toBe('read');
    expect(await inspectFile(memorySource(file), silent)).toMatchObject({ keyId: owner.keyId, signed: true });
  });

  it('with evaluation keys of another owner are refused', async () => {
    const { keys } = foreign.content;
    const content = { ...parts.content, keys };
    const sections = [parts.sections[0], ...foreign.sections.slice(1)];
    expect(await outcome(await forge(file, { content, sections }, parts.signature))).toMatch(SIGNATURE);
    expect(await outcome(await forge(file, { content, sections }, foreign.signature))).toMatch(SIGNATURE);
    expect(await outcome(await forge(file, { content, sections }, thief))).toMatch(SIGNATURE);
  });

  it('with a single section exchanged, two in turn, or another seed, are refused', async () => {
    const { content, sections } = parts;
    const last = sections.length - 1;
    const [first, ...others] = content.keys as { seed: Uint8Array }[];
    const reseeded = { ...content, keys: [{ ...first, seed: new Uint8Array(32) }, ...others] };
    for (const changed of [
      { content, sections: sections.with(last, foreign.sections[last]) },
      { content, sections: sections.with(last, sections[last - 1]).with(last - 1, sections[last]) },
      { content, sections: sections.with(last, new Uint8Array(sections[last].length)) },
      { content: reseeded, sections },
    ]) {
      expect(await outcome(await forge(file, changed, parts.signature))).toMatch(SIGNATURE);
    }
  });

  it('with fewer keys, or without their signature, are refused', async () => {
    const { content, sections } = parts;
    const keys = content.keys as unknown[];
    const digits = (sections.length - 1) / keys.length;
    const fewer = { content: { ...content, keys: keys.slice(0, -1) }, sections: sections.slice(0, -digits) };
    expect(await outcome(await forge(file, fewer, parts.signature))).toMatch(SIGNATURE);
    expect(await outcome(await forge(file, parts, 'unsigned'))).toMatch(
      /^BAD_FILE: the sections do not have the sizes/,
    );
    // As if it came from before there were signatures: the identifier stands for a signer.
    const { signer: _, ...older } = content;
    expect(await outcome(await forge(file, { content: older, sections }, 'unsigned'))).toMatch(PUBLIC_KEY);
  });

  it('with a public key that differs in a limb, whichever, are refused whoever signed', async () => {
    const [publicSection, ...others] = parts.sections;
    const limbBytes = 4 * owner.context.ring.N;
    for (let at = 0; at < publicSection.length; at += limbBytes) {
      const changed = Uint8Array.from(publicSection).fill(0, at, at + limbBytes);
      const forged = { content: parts.content, sections: [changed, ...others] };
      expect(await outcome(await forge(file, forged, owner.signing)), `limb ${at / limbBytes}`).toMatch(PUBLIC_KEY);
    }
  });

  it('signed by somebody else under the name of the owner are refused', async () => {
    const content = { ...parts.content, signer: signerOf(thief) };
    const stolen = await forge(file, { content, sections: parts.sections }, thief);
    expect(await outcome(stolen)).toMatch(PUBLIC_KEY);
    await expect(inspectFile(memorySource(stolen), silent)).rejects.toMatchObject({
      code: 'WRONG_KEY',
      expected: owner.keyId,
    });
  });

  it('of another owner, or of another round of the same one, fit neither model nor fingerprint', async () => {
    const other = await trainerFile(mallory);
    expect(await outcome(other)).toBe('read');
    expect(await outcome(other, { keyId: owner.keyId })).toMatch(
      /^WRONG_KEY: these trainer keys have another fingerprint/,
    );
    const model = seal(makeModel(), owner, { batch: 16 });
    expect(() => requireTrainerKey({ keyId: mallory.keyId }, model.keyId, 'the model')).toThrow(/another key/);
    // The owner's name on a stranger's keys, evaluation keys, signature and all.
    const renamed = await signedAgain(
      await forge(other, { ...foreign, content: { ...foreign.content, keyId: owner.keyId } }, thief),
      mallory.signing,
    );
    expect(await outcome(renamed)).toMatch(PUBLIC_KEY);
  });

  it('from before signatures are read with a warning', async () => {
    const { signer: _, ...content } = parts.content;
    const older = { ...content, keyId: await unsignedKeyIdOf(owner.publicKey) };
    const bytes = await forge(file, { content: older, sections: parts.sections }, 'unsigned');
    const warnings: string[] = [];
    expect(await outcome(bytes, { onWarning: (text) => warnings.push(text) })).toBe('read');
    expect(warnings.filter((text) => text.includes('not signed'))).toHaveLength(1);
    expect(await inspectFile(memorySource(bytes), silent)).toMatchObject({ signed: false });
  });
});

describe('bootstrapping keys', () => {
  let party: Party;
  let other: Party;
  let keys: Uint8Array;
  let theirs: KeyFileParts;
  beforeAll(async () => {
    [party, other] = [await makeParty(SET), await makeParty(SET)];
    keys = await bootstrappingFile(party, 32);
    theirs = await partsOf(await bootstrappingFile(other, 32));
  });
  afterAll(() => {
    for (const { owner: one, trainer } of [party, other]) for (const held of [one, trainer]) held.dispose();
  });

  async function told(bytes: Uint8Array): Promise<string> {
    try {
      (await readBootstrapping(bytes, party)).dispose();
      return 'read';
    } catch (error) {
      return `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
  }

  it('are read as the owner of the trainer keys signed them', async () => {
    expect(await told(keys)).toBe('read');
    expect(await inspectFile(memorySource(keys), silent)).toMatchObject({ keyId: party.owner.keyId, signed: true });
  });

  it('of another owner under this one’s name, signed by either or by none, are refused', async () => {
    const named = (signer: Uint8Array) => ({ ...theirs.content, keyId: party.owner.keyId, signer });
    const { sections } = theirs;
    const [mine, others] = [signerOf(party.owner.signing), signerOf(other.owner.signing)];
    const byOther = await forge(keys, { content: named(others), sections }, other.owner.signing);
    expect(await told(byOther)).toMatch(/^WRONG_KEY: the owner of these trainer keys did not sign/);
    const claimed = await forge(keys, { content: named(mine), sections }, other.owner.signing);
    expect(await told(claimed)).toMatch(/^WRONG_KEY: these bootstrapping keys are not as their owner signed them/);
    const { signer: _, ...content } = named(mine);
    expect(await told(await forge(keys, { content, sections }, 'unsigned'))).toMatch(/^WRONG_KEY: .*no signature/);
  });

  it('are not made by an owner who cannot sign', async () => {
    const { signing: _, ...older } = party.owner;
    await expect(writeBootstrappingKeys(memorySink(), older, { threads: 1, slots: 32 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      mend: expect.stringContaining('Make new keys'),
    });
  });

  it('mixed of two files that the owner signed are refused', async () => {
    const [first, second] = [await partsOf(keys), await partsOf(await bootstrappingFile(party, 32))];
    const mixed = { content: first.content, sections: first.sections.with(-1, second.sections.at(-1) as Uint8Array) };
    expect(await told(await forge(keys, mixed, first.signature))).toMatch(/^WRONG_KEY: .*not as their owner signed/);
  });
});
