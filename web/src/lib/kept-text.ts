/** Short texts that a browser keeps for the page; what it does not keep is remembered while the page is open. Never throws. */

export type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Of this tab; of this browser. A browser may have been told to keep nothing, and any may be full. */
export const ofTab: Keeper = keeper(() => sessionStorage);
export const ofBrowser: Keeper = keeper(() => localStorage);

export function keeper(storage: () => Keeper): Keeper {
  const unkept = new Map<string, string>();
  const tried = <T>(act: (storage: Keeper) => T): T | undefined => {
    try {
      return act(storage());
    } catch {
      return undefined;
    }
  };
  return {
    getItem: (key) => unkept.get(key) ?? tried((kept) => kept.getItem(key)) ?? null,
    setItem: (key, text) => {
      unkept.set(key, text);
      tried((kept) => {
        kept.setItem(key, text);
        unkept.delete(key);
      });
    },
    removeItem: (key) => {
      unkept.delete(key);
      tried((kept) => kept.removeItem(key));
    },
  };
}
