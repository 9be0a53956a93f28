/**
 * `hermetic/ckks`: RNS-CKKS itself, for those who build something else on it. `SecretScheme`, `SecretKey` and key
 * generation hold or make a secret key; everything else does not.
 */
export type { EvaluationKeyNeeds, EvaluationKeys, PublicKey, SwitchingKey } from '../../rlwe/keys.ts';
export { generateEvaluationKeys, generatePublicKey } from '../../rlwe/secret/key-generation.ts';
export { SecretKey } from '../../rlwe/secret/secret-key.ts';
export { checkSecurity, logModulus, MAX_LOG_QP } from '../../rlwe/security-table.ts';
export type { DiagonalSource, Evaluator, PreparedDiagonals, SlotCiphertext } from '../scheme.ts';
export { Ciphertext } from './ciphertext.ts';
export { CkksContext } from './context.ts';
export { defaultKeyNeeds } from './default-keys.ts';
export type { SlotValues } from './encoder.ts';
export { CkksEvaluator } from './evaluator.ts';
export {
  type CkksParameters,
  canonicalScales,
  insecureParameters,
  PARAMETER_SETS,
  parameterSet,
} from './parameters.ts';
export { encryptPublic, rerandomize } from './public-encryption.ts';
export { SecretScheme } from './secret/secret-scheme.ts';
