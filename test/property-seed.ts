/**
 * Properties draw the same cases in every run, so that a change is judged by what it changed; `npm run test:fuzz` draws others.
 * What fails there is repeated with `PROPERTY_SEED=…`, as it prints.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });
