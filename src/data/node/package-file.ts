/** Files inside npm packages that carry a data set. They are not dependencies: whoever wants the data installs them. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HermeticError } from '../../base/errors.ts';

/** An npm package of one version, whose layout the loader knows. */
export interface DataPackage {
  readonly name: string;
  readonly version: string;
}

function missing({ name, version }: DataPackage, cause: unknown): HermeticError {
  return new HermeticError('BAD_ARGUMENT', `the data set is in the npm package ${name}, which is not installed`, {
    mend: `Run: npm install ${name}@${version}`,
    cause,
  });
}

/**
 * Folder of an installed package, looked for from here and from the working directory.
 * @throws HermeticError BAD_ARGUMENT with the line that installs it
 */
export function packageFolder(wanted: DataPackage): string {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href];
  let failure: unknown;
  for (const place of places) {
    try {
      return dirname(createRequire(place).resolve(`${wanted.name}/package.json`));
    } catch (error) {
      failure = error;
    }
  }
  throw missing(wanted, failure);
}

/** Bytes of one file of an installed package. @throws HermeticError BAD_ARGUMENT, BAD_FILE */
export async function readPackageFile(wanted: DataPackage, file: string): Promise<Buffer> {
  const path = join(packageFolder(wanted), file);
  try {
    return await readFile(path);
  } catch (cause) {
    throw unexpectedContent(wanted, `${file} cannot be read`, cause);
  }
}

/** The package is there, but not as its known version is. */
export function unexpectedContent({ name, version }: DataPackage, what: string, cause?: unknown): HermeticError {
  return new HermeticError('BAD_FILE', `the npm package ${name} is not as expected: ${what}`, {
    mend: `Run: npm install ${name}@${version}`,
    cause,
  });
}
