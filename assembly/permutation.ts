/**
 * X → X^g in NTT order, by blocks of 64 values. Block b holds the values at ψ^e, e = 2·brv(b) + 1 + (N/32)·R for R < 64,
 * and g·e = 2·brv(b') + 1 + (N/32)·(g·R + c): a block comes from one block, in one of 64 orders that depend on c. (Lane l
 * of a vector has R ≡ brv(l) mod 4, and carries differ between lanes: whole vectors do not stay together.)
 *
 * An order, made by src/ring/automorphism-order.ts: one word a block, (block it comes from) << 6 | c; then for each c a
 * byte a position, four times the position in that block whose value comes there.
 */

/** out = a permuted; out is not a. */
export function permute(out: usize, a: usize, order: usize, bytes: usize): void {
  const patterns = order + (bytes >> 6);
  let to = out;
  for (let block = order; block < patterns; block += 4) {
    const move = load<u32>(block);
    const from = a + ((<usize>(move >> 6)) << 8);
    let t = patterns + ((<usize>(move & 63)) << 6);
    for (const end = t + 64; t < end; t += 4, to += 16) {
      let x = v128.load32_zero(from + <usize>load<u8>(t));
      x = v128.load32_lane(from + <usize>load<u8>(t, 1), x, 1);
      x = v128.load32_lane(from + <usize>load<u8>(t, 2), x, 2);
      x = v128.load32_lane(from + <usize>load<u8>(t, 3), x, 3);
      v128.store(to, x);
    }
  }
}
