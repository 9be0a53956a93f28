/** The evaluation keys that serve every plan of a parameter set. */
import type { EvaluationKeyNeeds } from '../../rlwe/keys.ts';
import type { CkksParameters } from './parameters.ts';

/** Rotations 1 … 15 (baby steps) and every power of two in both directions; conjugation; relinearisation. */
export function defaultKeyNeeds(parameters: CkksParameters): EvaluationKeyNeeds {
  const rotations = Array.from({ length: 15 }, (_, i) => i + 1);
  for (let step = 1; step < parameters.slots; step *= 2) rotations.push(step, -step);
  return { rotations: [...new Set(rotations)], conjugation: true, relinearization: true };
}
