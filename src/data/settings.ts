/**
 * Feature settings: all that is needed to turn raw examples into what a network sees, as plain JSON. They are fitted
 * once, when the network is made, and travel in the model file, so that train, predict and evaluate agree.
 */

import type { ImageSettings } from './images.ts';
import type { LabelSettings } from './labels.ts';
import type { NumericSettings } from './numeric.ts';
import type { TextSettings } from './text.ts';

export type InputSettings = NumericSettings | TextSettings | ImageSettings;

export type FeatureSettings = {
  readonly version: 1;
  readonly inputs: InputSettings;
  readonly label: LabelSettings;
};

/** Number of features that a network with these settings takes. */
export function featureCount(settings: FeatureSettings): number {
  return settings.inputs.mean.length;
}
