/** Words of the command line as values. Every parser throws for what it cannot use, NaN first of all. */

import { ExitCode } from '@stricli/core';
import { HermeticError } from '../base/errors.ts';

function refuse(expected: string, got: string): never {
  const shown = got.length > 60 ? `${got.slice(0, 59)}…` : got;
  throw new HermeticError('BAD_ARGUMENT', `expected ${expected}, got '${shown}'`);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function finite(text: string, expected: string): number {
  const value = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : refuse(expected, text);
}

/** A whole number in low … high. */
export function integer(low: number, high: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const expected =
    high === Number.MAX_SAFE_INTEGER ? `a whole number from ${low} on` : `a whole number from ${low} to ${high}`;
  return (text) => {
    const value = finite(text, expected);
    return Number.isInteger(value) && value >= low && value <= high ? value : refuse(expected, text);
  };
}

/** A power of two in low … high. */
export function powerOfTwo(low: number, high: number): (text: string) => number {
  const expected = `a power of two from ${low} to ${high}`;
  return (text) => {
    const value = finite(text, expected);
    return Number.isInteger(Math.log2(value)) && value >= low && value <= high ? value : refuse(expected, text);
  };
}

/** A number above zero. */
export function positiveNumber(text: string): number {
  const value = finite(text, 'a number above 0');
  return value > 0 ? value : refuse('a number above 0', text);
}

/** A number of at least zero. */
export function nonNegativeNumber(text: string): number {
  const value = finite(text, 'a number of at least 0');
  return value >= 0 ? value : refuse('a number of at least 0', text);
}

/** ε of differential privacy: above 0, at most 100. */
export function privacyBudget(text: string): number {
  const expected = 'a number above 0, at most 100 (1 is strong, 8 is weak)';
  const value = finite(text, expected);
  return value > 0 && value <= 100 ? value : refuse(expected, text);
}

/** A number from 0 up to, but not including, 1. */
export function fraction(text: string): number {
  const value = finite(text, 'a number from 0 to below 1');
  return value >= 0 && value < 1 ? value : refuse('a number from 0 to below 1', text);
}

/** A number from 0 to 1. */
export function share(text: string): number {
  const value = finite(text, 'a number from 0 to 1');
  return value >= 0 && value <= 1 ? value : refuse('a number from 0 to 1', text);
}

/** Anything but nothing. */
export function text(value: string): string {
  return value.trim() === '' ? refuse('a name', value) : value;
}

/** An owner's fingerprint: 32 hexadecimal digits, in groups if somebody likes to read them so. */
export function fingerprint(value: string): string {
  const digits = value.replaceAll(/[\s:-]/g, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(digits) ? digits : refuse('a fingerprint of 32 hexadecimal digits', value);
}

/** How a run gets levels back: by nobody, by bootstrapping, or from an owner's server. */
export type RefreshTarget = 'none' | 'bootstrap' | URL;

/** `none`, `bootstrap`, or the http(s) address of an owner's refresh server. */
export function refreshTarget(value: string): RefreshTarget {
  if (value === 'none' || value === 'bootstrap') return value;
  const expected = "the address of the owner's server, such as http://127.0.0.1:7700, or bootstrap, or none";
  if (!URL.canParse(value)) return refuse(expected, value);
  const url = new URL(value);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : refuse(expected, value);
}

/** The http(s) address of an owner's server. */
export function serverAddress(value: string): URL {
  const target = refreshTarget(value);
  return typeof target === 'string'
    ? refuse("the address of the owner's server, such as http://127.0.0.1:7700", value)
    : target;
}

export interface Part {
  /** From 1. */
  readonly index: number;
  readonly parts: number;
}

/** `1/2`: the first of two equal parts. */
export function part(value: string): Part {
  const [, index, parts] = (/^(\d{1,6})\/(\d{1,6})$/.exec(value) ?? []).map(Number);
  return index >= 1 && index <= parts ? { index, parts } : refuse('a part such as 1/2', value);
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** `28x28`. */
export function imageSize(value: string): ImageSize {
  const [, width, height] = (/^(\d{1,4})[x×](\d{1,4})$/.exec(value) ?? []).map(Number);
  return width >= 1 && height >= 1 ? { width, height } : refuse('width x height, such as 28x28', value);
}

/** Rows of one list. */
const MOST_ROWS = 100_000;

/** `0,5,17` or `0-4,17`: rows by number, from 0, ranges with their ends. */
export function rowList(value: string): number[] {
  const parse = integer(0, 2 ** 31);
  return value.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map((row) => parse(row));
    const count = last - first + 1;
    if (part.split('-').length > 2 || count < 1) return refuse('rows such as 0,5,17 or 0-4', part);
    if (count > MOST_ROWS) return refuse(`at most ${MOST_ROWS} rows`, part);
    return Array.from({ length: count }, (_, i) => first + i);
  });
}

/** True for the exit codes that stricli gives where the words themselves cannot be understood. */
export function isUsageExit(code: number): boolean {
  return code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument;
}
