/** `hermetic inspect`: what a file is, without any key, and never a secret. */

import { buildCommand, type Command } from '@stricli/core';
import { plainText } from '../../base/plain-text.ts';
import { type FileDescription, inspectFile } from '../../protocol/inspect.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { formatBytes } from '../format.ts';
import { text } from '../parsers.ts';

interface Flags extends OutputFlags {
  readonly verify: boolean;
}

export const inspect: Command<HermeticContext> = buildCommand<Flags, [string], HermeticContext>({
  docs: {
    brief: 'Tell what a file is: kind, parameter set, security, level, scale, size',
    fullDescription: '  hermetic inspect model.sealed --json',
  },
  parameters: {
    flags: {
      verify: { kind: 'boolean', brief: 'Read the bodies too and compare every digest and signature', default: true },
      ...outputFlags,
    },
    positional: { kind: 'tuple', parameters: [{ brief: 'Any file', parse: text, placeholder: 'FILE' }] },
  },
  func: runInspect,
});

async function runInspect(this: HermeticContext, flags: Flags, path: string): Promise<void> {
  const console = new Console(this.io, flags);
  const onWarning = (message: string): void => console.warn(message);
  const description = await withFileSource(path, (source) => inspectFile(source, { onWarning, verify: flags.verify }));
  console.result({ file: path, ...description }, (colors) => describe(path, description, colors.bold));
}

/** One line a field, nested fields as `parameters.set`. */
function describe(path: string, description: FileDescription, bold: (text: string) => string): string {
  const lines = Object.entries(description).flatMap(([key, value]) => linesOf(key, value));
  const width = Math.max(...lines.map(([name]) => name.length));
  return [bold(path), ...lines.map(([name, value]) => `${plainText(name).padEnd(width)}  ${plainText(value)}`)].join(
    '\n',
  );
}

function linesOf(key: string, value: JsonValue | undefined): [string, string][] {
  if (value === undefined) return [];
  if (key === 'bytes' && typeof value === 'number') return [['size', `${formatBytes(value)} (${value} bytes)`]];
  if (Array.isArray(value)) return rowsOf(key, value);
  if (typeof value !== 'object' || value === null) return [[key, inWords(value)]];
  return Object.entries(value).flatMap(([inner, entry]) => linesOf(`${key}.${inner}`, entry));
}

/** Layers and tensors are a line each; numbers and names stand in one. */
function rowsOf(key: string, list: readonly JsonValue[]): [string, string][] {
  const each = list.map(inWords);
  if (list.every((entry) => typeof entry !== 'object')) return [[key, each.join(', ') || '–']];
  return each.map((words, i) => [i === 0 ? key : '', words]);
}

function inWords(value: JsonValue): string {
  if (typeof value === 'number') return String(Math.round(100 * value) / 100);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`;
  return Object.entries(value)
    .map(([key, entry]) => `${key} ${inWords(entry ?? null)}`)
    .join(' ');
}
