/** To be imported before anything that makes schemas: they try `new Function` as they are made. */
import * as z from 'zod';

// The policy of the page forbids it, and some browsers report every try.
z.config({ jitless: true });
