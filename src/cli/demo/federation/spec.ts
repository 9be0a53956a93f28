/** Who takes part in the federation, and what they do. */

import type { Gates } from '../../../protocol/service/types.ts';

/** Each has an equal part of the training mails, and of the steps; they train one after the other. */
export const TRAINERS: readonly string[] = ['Ada', 'Ben', 'Cleo'];

/** A trainer who wants the filter to let spam pass: her labels are the wrong way round. */
export const SABOTEUR = 'Mallory';

export const NETWORK_NAME = 'spam filter';
export const RECIPE = 'spam';
export const DATA_SET = 'spam';
export const ROW_NAME = 'mail';

/** Together, of the recipe's 40: a multiple of the trainers. */
export const TOTAL_STEPS = 39;
/** The saboteur's. */
export const SABOTAGE_STEPS = 8;

/** The part of the training mails that the owner has, to choose the words by. */
export const SAMPLE_PARTS = 10;
/** By this the mails are dealt out: public, so that anyone can repeat it. */
export const PART_SEED = 1;

export const GATES: Gates = { accuracyDrop: 0.03, normChange: 2 };

/** Refreshes that a party may ask for: one a step, and some to spare. */
export const REFRESHES = 60;
