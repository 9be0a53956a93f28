/** A sealed network in this worker: fetched, checked, and read into an engine. */
import { ServiceClient } from 'hermetic/client';
import { type FeatureSettings, parseFeatureSettings } from 'hermetic/data';
import { type ReadSealedModel, readSealedModel } from 'hermetic/protocol';
import { HermeticError, largestBatch, readTrainerKeys, type TrainerKeys } from 'hermetic/trainer';
import type { LoadedNetwork, LoadProgress, LoadRequest, ServiceAccess } from '../api.ts';
import { fetchOnce } from '../storage/file-cache.ts';
import type { FileStore } from '../storage/file-store.ts';
import { type ByteCounter, countingFetch } from './counting-fetch.ts';

export interface Network {
  readonly service: ServiceAccess;
  readonly files: readonly string[];
  readonly keys: TrainerKeys;
  readonly model: ReadSealedModel;
  readonly settings: FeatureSettings;
  /** Largest batch. */
  readonly batch: number;
  readonly threads: number;
}

type Report = (progress: LoadProgress) => void;
const silent = { onWarning: (): void => {} };

/** The client of the service, its traffic counted. */
export function clientOf({ url, token }: ServiceAccess, counter: ByteCounter): ServiceClient {
  return new ServiceClient({ url, token, fetch: countingFetch(counter), ...silent });
}

/** @throws HermeticError BAD_FILE, WRONG_KEY, OUT_OF_MEMORY, DISK, ABORTED; of the service as `ServiceClient` */
export async function loadNetwork(
  store: FileStore,
  request: LoadRequest,
  report: Report,
  signal: AbortSignal,
): Promise<{ readonly network: Network; readonly downloaded: number }> {
  const client = clientOf(request.service, { sent: 0, received: 0 });
  const fetched = async (file: 'keys' | 'model') => {
    const { [file]: digest } = request.files;
    const download = (offset: number) => client.download(file, { offset, signal });
    return fetchOnce(store, digest, download, (done) => report({ file, stage: 'download', done, total: digest.bytes }));
  };
  const model = await fetched('model');
  const keys = await fetched('keys');
  const network = await readNetwork(store, request, { keys: keys.path, model: model.path }, report);
  return { network, downloaded: model.fetched + keys.fetched };
}

async function readNetwork(
  store: FileStore,
  { service, files, threads }: LoadRequest,
  paths: Readonly<Record<'keys' | 'model', string>>,
  report: Report,
): Promise<Network> {
  const onProgress = (done: number, total: number) => report({ file: 'keys', stage: 'read', done, total });
  const options = { ...silent, onProgress, ...(threads !== undefined && { threads }) };
  const keys = await store.read(paths.keys, (source) => readTrainerKeys(source, options));
  try {
    report({ file: 'model', stage: 'read', done: 0, total: 1 });
    const options = { ...silent, parametersFor: () => keys.parameters };
    const model = await store.read(paths.model, (source) => readSealedModel(source, options));
    if (model.keyId !== keys.keyId) throw foreignKey();
    const settings = parseFeatureSettings(model.features);
    report({ file: 'model', stage: 'read', done: 1, total: 1 });
    const { threads } = keys.context.engine;
    const digests = [files.keys.sha256, files.model.sha256];
    return { service, files: digests, keys, model, settings, batch: largestBatch(model), threads };
  } catch (error) {
    keys.dispose();
    throw error;
  }
}

function foreignKey(): HermeticError {
  return new HermeticError('WRONG_KEY', 'the model was made under another key than the keys that came with it', {
    mend: 'Ask the owner to rekey this party.',
  });
}

export function describe({ keys, model, settings, batch, threads }: Network, downloaded: number): LoadedNetwork {
  const { set, securityBits, insecure } = keys.parameters.description;
  const { inputs, label } = settings;
  return {
    modelId: model.modelId,
    keyId: model.keyId,
    set,
    securityBits,
    insecure,
    layers: model.architecture.layers.map(({ inputs, units, activation, useBias }) => ({
      inputs,
      units,
      activation: activation.name,
      useBias,
    })),
    batch,
    round: model.round,
    level: Math.min(...model.records.map(({ level }) => level)),
    maxLevel: keys.context.maxLevel,
    input: { kind: inputs.kind, columns: inputs.kind === 'text' ? [inputs.column] : inputs.columns },
    features: inputs.mean.length,
    label: { column: label.column, classes: label.classes },
    threads,
    downloaded,
  };
}
