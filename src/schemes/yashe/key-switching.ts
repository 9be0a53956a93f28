/** Key switching by the limbs of q (2013/075, section 5, with residues for digits): ⟨digits of c, key⟩. */
import type { Address } from '../../kernels/heap.ts';
import { eachLimb, type Poly, toCoefficients } from '../../ring/poly.ts';
import type { YasheContext } from './context.ts';
import type { YasheSwitchingKey } from './keys.ts';

/** c' with f·c' ≈ from·c, for a key from → f. */
export function switchKey({ ring, engine }: YasheContext, c: Poly<'ntt'>, key: YasheSwitchingKey): Poly<'ntt'> {
  return ring.scope(
    () => {
      const coefficients = toCoefficients(c);
      const digits = c.limbs.map((_, i) => digit(c, coefficients, i));
      const out = ring.allocate('ntt', c.indices);
      eachLimb(out, (j, prime) => {
        const pairs = digits.flatMap((d, i): Address[] => [d.limb(j), (key[i] as Poly<'ntt'>).limb(j)]);
        engine.innerProduct(out.limb(j), pairs, ring.N, prime);
      });
      return out;
    },
    (out) => [out as never],
  );
}

/** c modulo q_i, centred, modulo every limb. */
function digit(c: Poly<'ntt'>, coefficients: Poly<'coeff'>, i: number): Poly<'ntt'> {
  const { ring } = c;
  const { engine } = ring;
  const out = ring.allocate('ntt', c.indices);
  eachLimb(out, (j, prime) =>
    engine.switchModulus(out.limb(j), coefficients.limb(i), coefficients.prime(i), ring.N, prime),
  );
  eachLimb(out, (j, prime) => engine.nttForward(out.limb(j), out.limb(j), prime));
  return out;
}
