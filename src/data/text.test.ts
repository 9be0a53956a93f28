import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { takeRows } from './matrix.ts';
import { applyText, fitText } from './text.ts';
import { LONGEST_TOKEN, tokenize } from './tokenize.ts';

describe('tokenize', () => {
  it.each([
    ["Don't STOP 'now'", ["don't", 'stop', 'now']],
    ["rock'n'roll O''Brien x' ’tis", ["rock'n'roll", 'o', 'brien', 'x', 'tis']],
    ['one<br />two<BR>three', ['one', 'two', 'three']],
    ['naïve — Привет 1990’s', ['naïve', 'привет', "1990's"]],
    ['a😀b', ['a', 'b']],
    ['', []],
    ["'' - '", []],
  ])('%j', (text, tokens) => {
    expect(tokenize(text)).toEqual(tokens);
  });

  it('leaves out what is too long to be a word', () => {
    expect(tokenize(`a ${'x'.repeat(LONGEST_TOKEN)} ${'y'.repeat(LONGEST_TOKEN + 1)}`)).toEqual([
      'a',
      'x'.repeat(LONGEST_TOKEN),
    ]);
  });

  it('agrees with a regular expression on any text', () => {
    const word = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*/gu;
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'É', "'", ' ', '7', '́', '.', 'ß') }), (text) => {
        const expected = [...text.toLowerCase().matchAll(word)].map(([token]) => token);
        expect(tokenize(text)).toEqual(expected.filter((token) => token.length <= LONGEST_TOKEN));
      }),
    );
  });
});

describe('text features', () => {
  const documents = ['good film', 'bad film', 'good good plot', 'a bad film plot', ''];

  it('have the commonest words, ties in alphabetical order, with their idf', () => {
    const settings = fitText(documents, 'review', 3);
    expect(settings.vocabulary).toEqual(['film', 'bad', 'good']);
    expect(settings.idf).toEqual(
      [Math.log(5 / 3), Math.log(5 / 2), Math.log(5 / 2)].map((x) => Number(x.toPrecision(7))),
    );
  });

  it('are the formula, computed by hand for one document', () => {
    const settings = fitText(documents, 'review', 3);
    const [film, bad] = settings.idf;
    const norm = Math.hypot(film, bad);
    const [row] = [takeRows(applyText(['Bad, bad FILM!'], settings), [0]).values];
    const expected = [film / norm, bad / norm, 0].map((u, j) => settings.scale * (u - settings.mean[j]));
    expected.forEach((value, j) => {
      expect(row[j]).toBeCloseTo(value, 5);
    });
  });

  it.each([
    [undefined, 6],
    [1, 1],
  ])('have mean zero and mean square norm as asked for (%j)', (asked, meanSquare) => {
    const texts = ['red green', 'green blue', 'blue', 'red yellow brown', 'grey', 'brown red grey'];
    const settings = fitText(texts, 'c', 9, asked);
    const { values } = takeRows(applyText(texts, settings), [0, 1, 2, 3, 4, 5]);
    const size = settings.vocabulary.length;
    expect(size).toBe(6);
    for (let j = 0; j < size; j++) expect(texts.reduce((sum, _, i) => sum + values[i * size + j], 0)).toBeCloseTo(0, 4);
    expect(values.reduce((sum, value) => sum + value * value, 0) / texts.length / meanSquare).toBeCloseTo(1, 5);
  });

  it('of a text without known words are the centre', () => {
    const settings = fitText(documents, 'review', 3);
    const { values } = takeRows(applyText(['zzz'], settings), [0]);
    expect([...values]).toEqual(settings.mean.map((mean) => Math.fround(-mean * settings.scale)));
  });

  it('need texts that differ', () => {
    expect(() => fitText(['same words', 'same words'], 'c', 5)).toThrow(HermeticError);
    expect(() => fitText(['', '!'], 'c', 5)).toThrow('no word tells one text from another');
    expect(() => fitText(documents, 'c', 0)).toThrow(RangeError);
  });
});
