import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clean, count, displayWidth, fit, padEnd, padStart } from '../../../cli/output/text.ts';

describe('width', () => {
  test.each([
    { text: 'plain', width: 5 },
    { text: '', width: 0 },
    { text: 'naïve', width: 5 },
    { text: '日本', width: 4 },
    { text: 'e\u0301', width: 1 },
    { text: '🚀', width: 2 },
    { text: 'a→b', width: 3 },
  ])('$text takes $width columns', ({ text, width }) => expect(displayWidth(text)).toBe(width));
});

describe('fit', () => {
  test.each([
    { text: 'short', width: 5, fitted: 'short' },
    { text: 'longer', width: 5, fitted: 'long…' },
    { text: 'x', width: 0, fitted: '' },
    { text: '日本語', width: 4, fitted: '日…' },
    { text: 'ab', width: 1, fitted: '…' },
  ])('"$text" in $width columns is "$fitted"', ({ text, width, fitted }) => expect(fit(text, width)).toBe(fitted));

  test('never takes more columns than asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, width) => {
        expect(displayWidth(fit(clean(text), width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('clean', () => {
  test.each([
    { name: 'colours go', text: '\u001b[31mred\u001b[0m', cleaned: 'red' },
    { name: 'cursor movements go', text: 'a\u001b[2Jb\u001b[10Ac', cleaned: 'abc' },
    { name: 'a title that is set goes', text: '\u001b]0;title\u0007x', cleaned: 'x' },
    { name: 'line ends and tabs become a space', text: 'a\r\nb\tc', cleaned: 'a b c' },
    { name: 'other scripts stay', text: 'größer 日本', cleaned: 'größer 日本' },
  ])('$name', ({ text, cleaned }) => expect(clean(text)).toBe(cleaned));

  test('no control character is left of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(clean(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });
});

test('padding counts columns, not characters', () => {
  expect(padEnd('日本', 6)).toBe('日本  ');
  expect(padStart('7', 3)).toBe('  7');
  expect(padEnd('long', 2)).toBe('long');
});

test.each([
  [0, '0 tasks'],
  [1, '1 task'],
  [2, '2 tasks'],
])('%i is told as %s', (number, text) => expect(count(number, 'task')).toBe(text));
