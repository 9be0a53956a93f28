/** What a file is, from its first bytes alone: enough to keep one from being taken for another, or from being lost. */
import { bytesToUtf8 } from '../base/bytes.ts';
import type { ByteSource } from './byte-source.ts';
import { type ContainerKind, FIXED_HEADER_BYTES, kindOfHeader, MAGIC } from './container-layout.ts';
import { looksLikeSafetensors } from './safetensors.ts';

/** A kind of container, one that is damaged or of the future, or a foreign kind. */
export type FileKind = ContainerKind | 'unreadable' | 'safetensors' | 'age' | 'unknown';

const KEYS: readonly FileKind[] = ['owner-key', 'trainer-keys', 'bootstrapping-keys', 'teaching-keys'];

/** Kinds without which something that exists elsewhere cannot be used any more. */
export function isKey(kind: FileKind): boolean {
  return KEYS.includes(kind);
}

/** Reads the first bytes, checks nothing behind them and throws only what `source` throws. */
export async function fileKind(source: ByteSource): Promise<FileKind> {
  const start = await source.read(FIXED_HEADER_BYTES);
  const text = new TextDecoder('latin1').decode(start);
  if (text.startsWith(bytesToUtf8(MAGIC))) return kindOfHeader(start) ?? 'unreadable';
  if (text.startsWith('age-encryption.org/')) return 'age';
  return looksLikeSafetensors(start, source.size ?? Number.MAX_SAFE_INTEGER) ? 'safetensors' : 'unknown';
}
