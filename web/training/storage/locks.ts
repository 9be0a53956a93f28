/** Web Locks between the tabs of one browser; where a browser has none, nothing is kept apart. */

/** Runs `work` when no other tab does under this name. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks === undefined) return work();
  return (await navigator.locks.request(name, work)) as T;
}

/** Takes the lock, if it is free, until the function that it gives is called; ends with the worker, too. */
export function takeLock(name: string): Promise<(() => Promise<void>) | undefined> {
  if (navigator.locks === undefined) return Promise.resolve(async () => {});
  return new Promise((resolve, reject) => {
    let free: () => void = () => {};
    const held = new Promise<void>((end) => {
      free = end;
    });
    const request = navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(undefined);
      resolve(async () => {
        free();
        await request;
      });
      return held;
    });
    request.catch(reject);
  });
}

/** Names of the locks that some tab holds. */
export async function heldLocks(): Promise<ReadonlySet<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.flatMap(({ name }) => name ?? []));
}
