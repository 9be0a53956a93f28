/**
 * EvalMod: x ↦ x − round(x) for x near an integer, as sin(2πx)/2π (Cheon, Han, Kim, Kim and Song 2018/153), the sine from
 * a cosine of half the angle by one double angle (Han and Ki 2019/688, section 3.3). With the quarter shift the cosine is
 * even in u = (x − 1/4)/K, so its series is one in v = T_2(u) = 2u² − 1 of half the degree.
 */
import type { ChainEvaluator } from '../schemes/ckks/chain-evaluator.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { ChebyshevPowers, type DepthChain, doubleAngle, dropAt, evaluateSeries } from './chebyshev.ts';
import type { Mod1Fit } from './mod1-coefficients.ts';

/** Terms of a leaf of the series: more babies would be products at the top of the chain. */
const LEAF_TERMS = 4;

/** Levels that `evaluateMod1` takes: u → v, the series in v, the double angles. */
export function mod1Depth({ degree, doubleAngles }: Mod1Fit): number {
  return 1 + Math.log2(degree / 2 + 1) + doubleAngles;
}

/**
 * sin(2πx) at the end of the chain.
 * @param x real slots x/K at depth 0
 * @param scale of the result, exact
 */
export function evaluateMod1(
  evaluator: ChainEvaluator,
  chain: DepthChain,
  fit: Mod1Fit,
  x: Ciphertext,
  scale: number,
): Ciphertext {
  const depth = mod1Depth(fit);
  const u = evaluator.addConstant(x, -0.25 / fit.halfRange);
  const v = doubleAngle(evaluator, u, dropAt(chain, 0));
  const even = fit.coefficients.filter((_, k) => k % 2 === 0);
  let target = scale;
  for (let i = 1; i <= fit.doubleAngles; i++) target = Math.sqrt(target * (chain.divisors[depth - i] as number));
  const powers = new ChebyshevPowers(evaluator, chain, 1, v);
  const series = evaluateSeries(
    evaluator,
    powers,
    even,
    { depth: depth - fit.doubleAngles, scale: target },
    LEAF_TERMS,
  );
  let y = series;
  for (let i = fit.doubleAngles; i > 0; i--) y = doubleAngle(evaluator, y, dropAt(chain, depth - i));
  return y;
}
