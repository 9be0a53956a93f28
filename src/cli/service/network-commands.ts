/** `hermetic service status | networks | create | gates | lineage | open`: the owner's networks on the service. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { CreateNetwork, Overview } from '../../protocol/service/types.ts';
import type { Colors } from '../colors.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { parseBatch } from '../flags.ts';
import { formatBytes, formatCount, formatPercent, formatRate } from '../format.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { text } from '../parsers.ts';
import type { CsvRows } from './csv-rows.ts';
import { lineageGraph, shapeOf } from './lineage-graph.ts';
import { type GateFlags, gateFlags, gatesOf, gateWords } from './policy-flags.ts';
import { findNetwork, openService, requireNewName, type ServiceFlags, serviceFlags, shortId } from './service-flags.ts';
import { shortTime, textTable } from './text-table.ts';

const networkArgument = { brief: 'Network, by name or identifier', parse: text, placeholder: 'NETWORK' } as const;

export const status: Command<HermeticContext> = buildCommand<ServiceFlags, [], HermeticContext>({
  docs: {
    brief: 'What is there: networks, runs under way, unlocks that wait, bytes on disk',
    fullDescription: '  hermetic service status --server http://127.0.0.1:7700 --token-file owner.token',
  },
  parameters: { flags: serviceFlags },
  async func(flags) {
    const console = new Console(this.io, flags);
    const overview = await (await openService(console, flags)).overview({ signal: this.io.signal });
    console.result({ ...overview }, (colors) => statusText(overview, colors));
  },
});

function statusText(overview: Overview, colors: Colors): string {
  const { version, networks, parties, runs, pendingUnlocks, storage } = overview;
  const active = parties.filter(({ role, revokedAt }) => role === 'trainer' && revokedAt === undefined).length;
  const names = new Map(parties.map(({ id, name }) => [id, name]));
  const lines = [
    `Hermetic ${version}: ${counted(networks.length, 'network')}, ${counted(active, 'trainer')}, ` +
      `${counted(pendingUnlocks.length, 'unlock')} to decide, ` +
      `${counted(storage.blobs, 'file')} of ${formatBytes(storage.bytes)}`,
  ];
  if (networks.length > 0) lines.push('', networkTable(overview, colors));
  if (runs.length > 0) {
    const columns = [
      { name: 'run' },
      { name: 'party' },
      { name: 'step', align: 'right' } as const,
      { name: 'rows/s', align: 'right' } as const,
      { name: 'state' },
    ];
    const rows = runs.map(({ id, partyId, step, steps, rowsPerSecond, state }) => [
      shortId(id),
      names.get(partyId) ?? shortId(partyId),
      `${step}/${steps}`,
      formatRate(rowsPerSecond),
      state,
    ]);
    lines.push('', textTable(colors, columns, rows));
  }
  return lines.join('\n');
}

function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

function networkTable({ networks, heads }: Pick<Overview, 'networks' | 'heads'>, colors: Colors): string {
  const headOf = new Map(heads.map((head) => [head.id, head]));
  const columns = [
    { name: 'network' },
    { name: 'identifier' },
    { name: 'shape' },
    { name: 'set' },
    { name: 'models', align: 'right' } as const,
    { name: 'parties', align: 'right' } as const,
    { name: 'held out', align: 'right' } as const,
    { name: 'right of them', align: 'right' } as const,
    { name: 'loss', align: 'right' } as const,
    { name: 'since' },
  ];
  const rows = networks.map((network) => {
    const { accuracy, loss } = headOf.get(network.headId) ?? {};
    return [
      colors.bold(network.name),
      shortId(network.id),
      shapeOf(network.layers),
      network.set,
      formatCount(network.models),
      formatCount(network.parties),
      formatCount(network.heldOutRows),
      accuracy === undefined ? '–' : formatPercent(accuracy),
      loss === undefined ? '–' : loss.toFixed(4),
      shortTime(network.createdAt),
    ];
  });
  return textTable(colors, columns, rows);
}

export const networks: Command<HermeticContext> = buildCommand<ServiceFlags, [], HermeticContext>({
  docs: { brief: 'List the networks' },
  parameters: { flags: serviceFlags },
  async func(flags) {
    const console = new Console(this.io, flags);
    const overview = await (await openService(console, flags)).overview({ signal: this.io.signal });
    const { networks: all, heads } = overview;
    console.result({ networks: all, heads }, (colors) =>
      all.length === 0 ? 'no networks yet: hermetic service create makes one' : networkTable(overview, colors),
    );
  },
});

interface CreateFlags extends ServiceFlags, GateFlags {
  readonly name: string;
  readonly layers: string | undefined;
  readonly recipe: string | undefined;
  readonly sample: string | undefined;
  readonly label: string | undefined;
  readonly text: string | undefined;
  readonly heldOut: string | undefined;
  readonly set: 'L13' | 'L14' | 'L15' | 'B16' | undefined;
  readonly batch: number | undefined;
}

const optional = { kind: 'parsed', parse: text, optional: true } as const;

export const create: Command<HermeticContext> = buildCommand<CreateFlags, [], HermeticContext>({
  docs: {
    brief: 'Make a network and its key, and seal it',
    fullDescription: [
      'The sample tells how rows become features, and nothing else; the held-out rows stay with the service, which tests',
      'on them whatever comes back.',
      '',
      '  hermetic service create --name churn --sample sample.csv --label y --layers 8:square,1:lin4 \\',
      '      --held-out held-out.csv --accuracy-drop 0.02 --token-file owner.token',
    ].join('\n'),
  },
  parameters: {
    flags: {
      name: { kind: 'parsed', parse: text, brief: 'Its name', placeholder: 'NAME' },
      layers: {
        ...optional,
        brief: 'Units and activation of each layer, such as 8:square,1:lin4',
        placeholder: 'SPEC',
      },
      recipe: { ...optional, brief: 'Instead of --layers: a recipe, such as spam', placeholder: 'NAME' },
      sample: {
        ...optional,
        brief: 'Rows that the features are fitted on: a CSV file, or spam:train',
        placeholder: 'FILE',
      },
      label: { ...optional, brief: 'Column of the classes', placeholder: 'COLUMN' },
      text: { ...optional, brief: 'Column of text to learn from, instead of numeric columns', placeholder: 'COLUMN' },
      heldOut: { ...optional, brief: 'Rows to test what comes back on: a CSV file, or spam:test', placeholder: 'FILE' },
      set: {
        kind: 'enum',
        values: ['L13', 'L14', 'L15', 'B16'],
        brief: 'Parameter set (default: L14)',
        optional: true,
      },
      batch: {
        kind: 'parsed',
        parse: parseBatch,
        brief: 'Largest batch that it shall be trained with, a power of two (default: 256)',
        placeholder: 'ROWS',
        optional: true,
      },
      ...gateFlags,
      ...serviceFlags,
    },
  },
  func: runCreate,
});

async function runCreate(this: HermeticContext, flags: CreateFlags): Promise<void> {
  const console = new Console(this.io, flags);
  requireDescribed(flags);
  const { readRows } = await import('./csv-rows.ts');
  const client = await openService(console, flags);
  const sample = flags.sample === undefined ? undefined : await readRows(flags.sample, this.io.signal);
  const heldOut = flags.heldOut === undefined ? undefined : await readRows(flags.heldOut, this.io.signal);
  const label = flags.label ?? sample?.label ?? heldOut?.label;
  const textColumn = flags.text ?? sample?.text;
  requireLabel(label, sample);
  const gates = gatesOf(flags);
  requireNewName('network', (await client.overview({ signal: this.io.signal })).networks, flags.name);
  const body: CreateNetwork = {
    name: flags.name,
    ...(flags.layers !== undefined && { layers: flags.layers }),
    ...(flags.recipe !== undefined && { recipe: flags.recipe }),
    ...(sample && { sampleCsv: sample.csv }),
    ...(label !== undefined && { label }),
    ...(textColumn !== undefined && { text: textColumn }),
    ...(heldOut && { heldOutCsv: heldOut.csv }),
    ...(flags.set !== undefined && { set: flags.set }),
    ...(flags.batch !== undefined && { batch: flags.batch }),
    ...(gates && { gates }),
  };
  console.note('making a key and sealing the network …');
  const network = await client.createNetwork(body, { signal: this.io.signal });
  console.result({ ...network }, ({ bold }) =>
    [
      `${bold(network.name)}  ${network.id}`,
      `${shapeOf(network.layers)}, ${formatCount(network.weights)} weights, set ${network.set}, ${network.securityBits}-bit security`,
      `${formatCount(network.heldOutRows)} rows held out; ${gateWords(network.gates)}`,
    ].join('\n'),
  );
}

/** HermeticError BAD_ARGUMENT unless it is said what network, and on what its features are fitted. */
function requireDescribed({ layers, recipe, sample }: CreateFlags): void {
  if ((layers === undefined) === (recipe === undefined)) {
    throw new HermeticError('BAD_ARGUMENT', 'the network is not described', {
      mend: 'Give either --layers SPEC or --recipe NAME.',
    });
  }
  if (layers === undefined || sample !== undefined) return;
  throw new HermeticError('BAD_ARGUMENT', 'there are no data to fit the features on', {
    mend: 'Give --sample FILE, with --label COLUMN; the rows are used for nothing else.',
  });
}

/** HermeticError BAD_ARGUMENT where a sample is given, and not which of its columns holds the classes. */
function requireLabel(label: string | undefined, sample: CsvRows | undefined): void {
  if (sample === undefined || label !== undefined) return;
  throw new HermeticError('BAD_ARGUMENT', 'the column of the classes is not named', { mend: 'Give --label COLUMN.' });
}

interface GatesFlags extends ServiceFlags, GateFlags {
  readonly none: boolean;
}

export const gates: Command<HermeticContext> = buildCommand<GatesFlags, [string?], HermeticContext>({
  docs: {
    brief: 'Show or set what a returned model must pass',
    fullDescription:
      'Those that are named replace all before:\n\n  hermetic service gates churn --accuracy-drop 0.02 --token-file owner.token',
  },
  parameters: {
    flags: {
      ...gateFlags,
      none: { kind: 'boolean', brief: 'Remove all gates', default: false, withNegated: false },
      ...serviceFlags,
    },
    positional: { kind: 'tuple', parameters: [{ ...networkArgument, optional: true }] },
  },
  async func(flags, named) {
    const console = new Console(this.io, flags);
    const client = await openService(console, flags);
    const network = findNetwork(await client.overview({ signal: this.io.signal }), named);
    const wanted = flags.none ? {} : gatesOf(flags);
    const now = wanted === undefined ? network : await client.setGates(network.id, wanted, { signal: this.io.signal });
    console.result(
      { id: now.id, name: now.name, gates: now.gates, heldOutRows: now.heldOutRows },
      ({ bold }) => `${bold(now.name)}  ${gateWords(now.gates)}; ${formatCount(now.heldOutRows)} rows held out`,
    );
  },
});

export const lineage: Command<HermeticContext> = buildCommand<ServiceFlags, [string?], HermeticContext>({
  docs: { brief: 'The models of a network: who made which out of which, and what the gates said' },
  parameters: {
    flags: serviceFlags,
    positional: { kind: 'tuple', parameters: [{ ...networkArgument, optional: true }] },
  },
  async func(flags, named) {
    const console = new Console(this.io, flags);
    const client = await openService(console, flags);
    const { id } = findNetwork(await client.overview({ signal: this.io.signal }), named);
    const found = await client.lineage(id, { signal: this.io.signal });
    console.result({ ...found }, (colors) => lineageGraph(found, colors));
  },
});

interface OpenFlags extends ServiceFlags, ForceFlags {
  readonly model: string | undefined;
  readonly sealed: boolean;
  readonly out: string;
}

export const open: Command<HermeticContext> = buildCommand<OpenFlags, [string?], HermeticContext>({
  docs: {
    brief: "Decrypt a network's head, or another model of its, into a file",
    fullDescription: '  hermetic service open churn --out churn.safetensors --token-file owner.token',
  },
  parameters: {
    flags: {
      model: { ...optional, brief: 'Identifier of the model (default: the head)', placeholder: 'MODEL' },
      sealed: { kind: 'boolean', brief: 'Fetch it as it is, sealed', default: false, withNegated: false },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'FILE' },
      ...forceFlags,
      ...serviceFlags,
    },
    positional: { kind: 'tuple', parameters: [{ ...networkArgument, optional: true }] },
  },
  func: runOpen,
});

async function runOpen(this: HermeticContext, flags: OpenFlags, named?: string): Promise<void> {
  const console = new Console(this.io, flags);
  const { findModel, writeModel } = await import('./model-download.ts');
  const { out, sealed, force, tokenFile } = flags;
  await requireOutput({ out, kind: sealed ? 'sealed-model' : 'safetensors', inputs: [tokenFile], force });
  const client = await openService(console, flags);
  const { id } = findNetwork(await client.overview({ signal: this.io.signal }), named);
  const model = findModel(await client.lineage(id, { signal: this.io.signal }), flags.model);
  const bytes = await writeModel(console, client, model, flags);
  console.result(
    { out: flags.out, bytes, modelId: model.id, sealed: flags.sealed },
    ({ bold }) =>
      `${bold(flags.out)}  ${formatBytes(bytes)}: model ${shortId(model.id)}, ${flags.sealed ? 'sealed' : 'no longer sealed'}`,
  );
}
