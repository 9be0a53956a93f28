/** What each scheme is, in a few words: for tables, help, warnings and files. */

export type SchemeName = 'clear' | 'vector' | 'bfv' | 'yashe' | 'ckks';

/** Schemes that anybody can open: here to be learned from, and broken. */
export type TeachingSchemeName = 'vector' | 'yashe';

export interface SchemeTraits {
  readonly name: SchemeName;
  readonly title: string;
  readonly source: string;
  readonly security: string;
  /** The command that opens it, or fails to. */
  readonly attack: string | undefined;
  /** Printed at each use, and stored in files. */
  readonly warning: string | undefined;
}

/** In the order in which they are told of: from none, by the post's, to today's. */
export const SCHEMES: Readonly<Record<SchemeName, SchemeTraits>> = {
  clear: {
    name: 'clear',
    title: 'no encryption, the levels and the noise of CKKS',
    source: '',
    security: 'none',
    attack: undefined,
    warning: undefined,
  },
  vector: {
    name: 'vector',
    title: 'integer vectors, as in the post of 2017',
    source: 'Zhou and Wornell 2014; Yu, Lai and Payor 2015',
    security: 'broken',
    attack: 'hermetic break vector',
    warning:
      'the scheme `vector` hides nothing: its secret key follows from its public keys (Bogos, Gaspoz and Vaudenay ' +
      '2016/775). `hermetic break vector` does it in seconds.',
  },
  bfv: {
    name: 'bfv',
    title: 'Brakerski/Fan–Vercauteren, RNS, batched',
    source: '2012/144; 2018/117',
    security: '128 bits',
    attack: undefined,
    warning: undefined,
  },
  yashe: {
    name: 'yashe',
    title: 'YASHE′ at teaching size, batched',
    source: '2013/075',
    security: 'broken',
    attack: 'hermetic break yashe',
    warning:
      'the scheme `yashe` is broken for all useful parameters by subfield attacks on overstretched NTRU (Albrecht, Bai ' +
      'and Ducas 2016/127), and stands here at a toy’s size. `hermetic break yashe` finds its key in seconds.',
  },
  ckks: {
    name: 'ckks',
    title: 'Cheon–Kim–Kim–Song, RNS: the default',
    source: '2016/421; 2018/931',
    security: '128 bits',
    attack: 'hermetic break unlock, refresh, cpad',
    warning: undefined,
  },
};

export const SCHEME_NAMES: readonly SchemeName[] = Object.keys(SCHEMES) as SchemeName[];
