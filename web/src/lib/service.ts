/** The service that this page came from, as its owner, as a trainer, or as nobody yet. */
import { ServiceClient } from 'hermetic/client';

/** The page lies beside the service's interface, below whatever path a proxy put before both. */
export function serviceAddress(): string {
  return new URL('.', location.origin + location.pathname).href;
}

/** @throws HermeticError BAD_ARGUMENT for a text that is no token */
export function serviceClient(token?: string): ServiceClient {
  return new ServiceClient({
    url: serviceAddress(),
    ...(token !== undefined && { token }),
    // A person waits and has a button to try again.
    attempts: 2,
    retryDelayMs: 300,
    onWarning: () => {},
  });
}
