/**
 * Operation codes of the kernels, mirrored from assembly/index.ts, where each is described. A task is
 * TASK_WORDS words: code, then arguments.
 */
export const TASK_WORDS = 16;

/** Where a task has its double, if it takes one. */
export const REAL_BYTES = 24;

export const Operation = {
  nttForward: 0,
  nttInverse: 1,
  add: 2,
  subtract: 3,
  negate: 4,
  mulScalar: 5,
  mulScalarAdd: 6,
  subtractMulScalar: 7,
  innerProduct: 8,
  tensorProduct: 9,
  gather: 10,
  switchModulus: 11,
  reduceSigned: 12,
  convertBase: 13,
  multiplyDiagonals: 14,
  embedForward: 15,
  embedInverse: 16,
  roundReduce: 17,
  permute: 18,
  splitToFloat32: 19,
  mixedRadixDigits: 20,
  mixedRadixEvaluate: 21,
  mixedRadixToDouble: 22,
  uniformResidues: 23,
  ternary: 24,
  centredBinomial: 25,
  uniformBelow: 26,
  buildTables: 27,
  buildInverseScale: 28,
  addScalar: 29,
  encodeMatrix: 30,
  divideByLast: 31,
  expandPlain: 32,
  copy: 33,
  clear: 34,
  keyProduct: 35,
  subtractTransform: 36,
  rotatedKeyProduct: 37,
} as const;

export type OperationCode = (typeof Operation)[keyof typeof Operation];
