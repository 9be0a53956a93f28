import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { parseCsv } from './csv.ts';
import { examplesToFit, selectExamples } from './examples.ts';
import { applyFeatures, applyTable, fitTable } from './features.ts';
import { imageInputs } from './images.ts';
import { takeRows } from './matrix.ts';
import { featureCount } from './settings.ts';
import { tableFromColumns } from './table.ts';
import { loadXor, xorSettings } from './xor.ts';

const train = parseCsv('age,height,y\n20,1.5,no\n30,1.7,yes\n40,1.9,yes\n', { source: 'train.csv' });
const { settings } = fitTable(train, { label: 'y' });

describe('settings fitted on a table', () => {
  it('turn it into features, targets and labels', () => {
    const dataset = applyTable(train, settings, 'train');
    expect(featureCount(settings)).toBe(2);
    expect(settings.label).toEqual({ column: 'y', classes: ['no', 'yes'], outputs: 1, offset: 0 });
    const half = Math.fround(Math.sqrt(1.5));
    const expected = [-half, -half, 0, 0, half, half];
    takeRows(dataset.features, [0, 1, 2]).values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
    expect([...dataset.labels]).toEqual([0, 1, 1]);
    expect([...dataset.targets.values]).toEqual([0, 1, 1]);
  });

  it('do not mind the order of the columns', () => {
    const turned = tableFromColumns({
      y: ['no', 'yes', 'yes'],
      height: ['1.5', '1.7', '1.9'],
      age: ['20', '30', '40'],
    });
    const rows = [0, 1, 2];
    expect(takeRows(applyTable(turned, settings, 'train').features, rows)).toEqual(
      takeRows(applyTable(train, settings, 'train').features, rows),
    );
  });

  it('predict without looking at labels, present or not', () => {
    const bare = parseCsv('age,height\n20,1.5\n');
    expect([...applyTable(bare, settings, 'predict').labels]).toEqual([-1]);
    const labelled = parseCsv('age,height,y\n20,1.5,whatever\n');
    expect([...applyTable(labelled, settings, 'predict').labels]).toEqual([-1]);
  });

  it('accept another name of the label column', () => {
    const table = parseCsv('age,height,answer\n20,1.5,yes\n21,1.6,no\n');
    expect([...applyTable(table, settings, 'train', 'answer').labels]).toEqual([1, 0]);
  });

  it('survive JSON unchanged', () => {
    const text = tableFromColumns({ t: ['one two', 'two three', 'one'], y: ['a', 'b', 'c'] });
    const fitted = fitTable(text, { label: 'y', text: 't' }).settings;
    const copy = JSON.parse(JSON.stringify(fitted));
    expect(copy).toEqual(fitted);
    expect(applyTable(text, copy, 'train').targets).toEqual(applyTable(text, fitted, 'train').targets);
  });

  it.each([
    ['age,y\n1,no\n', "has no column 'height'"],
    [
      'age,height,y,weight\n1,2,no,3\n',
      "more features than the model was made for; expected 2: 'age', 'height'; got also 'weight'",
    ],
    ['age,height,y\n1,abc,no\n', "column 'height', line 2: 'abc' is not a number"],
    ['age,height,y\n1,NaN,no\n', "column 'height', line 2: the value is missing"],
    ['age,height,y\n1,2,no\n3,4,no\n', "column 'y': there is nothing to tell apart"],
    [
      'age,height,y\n1,2,yess\n',
      "column 'y', line 2: 'yess' is not a class of the model; expected 'no', 'yes'. Did you mean 'yes'?",
    ],
    ['age,height,y\n1,2,\n', "column 'y', line 2: the label is missing"],
    ['age,height\n1,2\n', "has no column 'y'"],
  ])('refuse to train on %j', (csv, message) => {
    expect(() => applyTable(parseCsv(csv), settings, 'train')).toThrow(message);
    expect(() => applyTable(parseCsv(csv), settings, 'train')).toThrow(HermeticError);
  });

  it('evaluate rows of one class', () => {
    expect([...applyTable(parseCsv('age,height,y\n1,2,yes\n'), settings, 'evaluate').labels]).toEqual([1]);
  });
});

describe('fitting', () => {
  const fitCsv = (csv: string, roles = {}) => fitTable(parseCsv(csv), { label: 'y', ...roles });

  it.each([
    ['a,y\n1,x\n2,x\n', "column 'y' cannot be learned; expected 2 to 1000 classes; got only 'x'"],
    [`a,y\n${Array.from({ length: 1001 }, (_, i) => `${i},${i / 7}`).join('\n')}`, 'got 1001 different values'],
    ['a,y\n1,0\n2,\n', 'line 3: the label is missing'],
    ['a,y\n1,0\n2,nan\n', 'line 3: the label is missing'],
    ['y\n0\n1\n', "has no column beside the label 'y'"],
    ['a,b\n1,0\n', "no column 'y'"],
  ])('refuses %#', (csv, message) => {
    expect(() => fitCsv(csv)).toThrow(message);
  });

  it('orders classes that are numbers by value, and takes 1 and 1.0 for one', () => {
    const table = parseCsv('a,y\n1,10\n2,2\n3,2.0\n4,-1\n');
    const fitted = fitTable(table, { label: 'y' }).settings;
    expect(fitted.label.classes).toEqual(['-1', '2', '10']);
    const dataset = applyTable(table, fitted, 'train');
    expect([...dataset.labels]).toEqual([2, 1, 1, 0]);
    expect(dataset.targets.columns).toBe(3);
    expect(dataset.targets.values[2]).toBeCloseTo(2 / 3, 6);
  });

  it('fits the outputs that are asked for', () => {
    const examples = examplesToFit(train, { label: 'y' });
    expect(fitTable(train, { label: 'y' }, { outputs: 2, offset: 0.1 }).settings.label.offset).toBe(0.1);
    expect(applyFeatures(examples, fitTable(train, { label: 'y' }, { outputs: 2 }).settings).targets.values[0]).toBe(
      0.5,
    );
    expect(() => fitTable(train, { label: 'y' }, { outputs: 3 })).toThrow('2 classes do not fit 3 outputs');
  });

  it('warns of columns that teach nothing and of a small vocabulary', () => {
    expect(fitCsv('a,b,y\n1,5,0\n2,5,1\n').warnings).toEqual(["constant, so nothing can be learned from: 'b'"]);
    expect(fitCsv('a,y\nred,0\nblue,1\n', { text: 'a' }).warnings).toEqual([
      'the texts hold 2 different words, not 4000',
    ]);
    expect(() => fitCsv('a,y\nred,0\nblue,1\n', { text: 'y' })).toThrow('both text and label');
  });

  it('reads columns of pixels', () => {
    const table = parseCsv('y,p0,p1,p2,p3\n0,0,255,0,0\n1,255,0,10,0\n');
    const image = { width: 2, height: 2 };
    const fitted = fitTable(table, { label: 'y', image }).settings;
    const { features } = applyTable(table, fitted, 'train');
    expect(takeRows(features, [0, 1]).values.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(8, 5);
    expect(() => fitTable(table, { label: 'y', image: { width: 3, height: 1 } })).toThrow(
      'expected 3 columns of pixels; got 4',
    );
    expect(() => applyTable(parseCsv('y,p0,p1,p2,p3\n0,0,256,0,0\n'), fitted, 'evaluate')).toThrow(
      'pixel 1 is out of range',
    );
  });
});

describe('examples', () => {
  it('are selected row by row, whatever their kind', () => {
    const numbers = selectExamples(loadXor(), [3, 1]);
    expect([...numbers.labels]).toEqual([0, 1]);
    expect(numbers.inputs.kind === 'numeric' && [...numbers.inputs.values]).toEqual([1, 1, 1, 0, 1, 1]);
    const images = imageInputs(Uint8Array.of(1, 2, 3, 4), 2, 1);
    const picture = selectExamples({ ...loadXor(), inputs: images, labels: Int32Array.of(0, 1) }, [1]);
    expect(picture.inputs.kind === 'image' && [...picture.inputs.pixels]).toEqual([3, 4]);
  });

  it('of exclusive or are centred', () => {
    const dataset = applyFeatures(loadXor(), xorSettings());
    expect([...takeRows(dataset.features, [0, 1, 2, 3]).values]).toEqual([
      -0.5, -0.5, 1, -0.5, 0.5, 1, 0.5, -0.5, 1, 0.5, 0.5, 1,
    ]);
    expect([...dataset.targets.values]).toEqual([0, 1, 1, 0]);
  });

  it('of another kind than the settings are a mistake of the program', () => {
    const images = { ...loadXor(), inputs: imageInputs(new Uint8Array(12), 3, 1) };
    expect(() => applyFeatures(images, xorSettings())).toThrow(TypeError);
  });
});
