/** A network from the Keras-like API as the plain model that is sealed and stored. */
import type { Sequential } from '../nn/model.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { PlainModel } from '../protocol/model-file.ts';
import { describeInitialization } from '../protocol/provenance.ts';

/**
 * Architecture and weights of `model` (drawn now if they are not yet), and the distribution they were drawn from, which
 * trainers need for their shadow run.
 * @param features feature settings, as `hermetic/data` makes them; null where the features come ready-made
 */
export function plainModel(model: Sequential, features: JsonValue = null): PlainModel {
  return {
    architecture: model.toArchitecture(),
    weights: model.getWeights(),
    features,
    provenance: [describeInitialization(model.initializers)],
  };
}
