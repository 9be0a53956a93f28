/**
 * `hermetic/protocol`: the files and messages that cross the wall between owner and trainer. Runs in browsers.
 * Nothing here knows a secret key; docs/format.md describes the bytes.
 */
export type { HermeticErrorCode } from '../base/errors.ts';
export { HermeticError } from '../base/errors.ts';
export type { ByteSink, ByteSource, MemorySink, StreamSourceOptions } from './byte-source.ts';
export { memorySink, memorySource, readAll, streamSink, streamSource } from './byte-source.ts';
export type { Checkpoint, ReadCheckpoint } from './checkpoint.ts';
export { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export type { CiphertextReadOptions } from './ciphertext-file.ts';
export type { CiphertextRecord, NamedRecord } from './ciphertext-record.ts';
export type { ContainerKind } from './container-layout.ts';
export { FORMAT_VERSION } from './container-layout.ts';
export type { ContainerReader, ContainerReadOptions, ReadOptions } from './container-reader.ts';
export { readContainer } from './container-reader.ts';
export type { ContainerContents } from './container-writer.ts';
export { writeContainer } from './container-writer.ts';
export type { FileDescription, InspectOptions } from './inspect.ts';
export { inspectFile } from './inspect.ts';
export type { JsonValue } from './json.ts';
export type { PlainModel } from './model-file.ts';
export { readModelFile, writeModelFile } from './model-file.ts';
export type { CiphertextParameters, ParameterDescription } from './parameters.ts';
export type { RefreshCall, RefreshRequestMessage, RefreshResponseMessage } from './refresh-message.ts';
export {
  maxRefreshMessageBytes,
  readRefreshRequest,
  readRefreshResponse,
  writeRefreshRequest,
  writeRefreshResponse,
} from './refresh-message.ts';
export { decodeResidues, encodeResidues } from './residues.ts';
export type { Safetensors, Tensor } from './safetensors.ts';
export { readSafetensors, writeSafetensors } from './safetensors.ts';
export type { ReadSealedModel, SealedModel } from './sealed-model.ts';
export { readSealedModel, writeSealedModel } from './sealed-model.ts';
export type { ReadSealedPredictions, SealedPredictions } from './sealed-predictions.ts';
export { readSealedPredictions, writeSealedPredictions } from './sealed-predictions.ts';
export type { SigningKey } from './signing-key.ts';
export { createSigningKey, exportSigningKey, importSigningKey } from './signing-key.ts';
export type { ChainOptions, RecordFields, SignedRecord, StatedPrivacy, TrainingRecord } from './training-record.ts';
export {
  commitToData,
  recordDigest,
  SALT_BYTES,
  signTrainingRecord,
  verifyChain,
  verifyTrainingRecord,
} from './training-record.ts';
