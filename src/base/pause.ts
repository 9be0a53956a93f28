/** Waiting, unless the user has no more patience. */

/** Resolves after `ms`, or at once where the signal fires. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', done, { once: true });
  });
}

/** What `promise` gives, or a TimeoutError after `ms`: then `giveUp` is called too. */
export function within<T>(ms: number, promise: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DOMException('too slow', 'TimeoutError'));
      giveUp();
    }, ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
