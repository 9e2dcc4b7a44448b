import { describe, expect, test } from 'vitest';
import { colorsFor } from '../../../cli/output/colors.ts';
import { Table, tableLines } from '../../../cli/output/table.ts';

const columns = [{ title: 'NAME' }, { title: 'N', align: 'right' as const }, { title: 'MESSAGE' }];

describe('a table', () => {
  test('is as wide as its widest cells, numbers at the right, nothing after the last cell', () => {
    const rows = [
      ['a', '7', 'fine'],
      ['longer', '1234', ''],
    ];
    expect(tableLines(columns, rows)).toEqual(['NAME       N  MESSAGE', 'a          7  fine', 'longer  1234']);
  });

  test('cuts at the width of the screen', () => {
    expect(tableLines(columns, [['a', '7', 'a long message']], { limit: 15 })).toEqual([
      'NAME  N  MESSA…',
      'a     7  a lon…',
    ]);
  });

  test('keeps its columns when cells are painted', () => {
    const { green } = colorsFor(true, {});
    const rows = [[{ text: 'ok', paint: green }, '1', 'x']];
    expect(tableLines(columns, rows)[1]).toBe(`${green('ok  ')}  1  x`);
  });

  test('shows nothing that could move the cursor', () => {
    expect(tableLines(columns, [['a\u001b[2J', '1', 'b\nc']])[1]).toBe('a     1  b c');
  });

  test('takes more rows later and grows with them', () => {
    const table = new Table(columns);
    table.measure([['a', '1', '']]);
    expect(table.line(['a', '1', 'x'])).toBe('a     1  x');
    table.measure([['abcdef', '1', '']]);
    expect(table.line(['a', '1', 'x'])).toBe('a       1  x');
  });
});

test.each([
  { name: 'a pipe', isTerminal: false, env: {}, enabled: false },
  { name: 'a terminal', isTerminal: true, env: {}, enabled: true },
  { name: 'NO_COLOR', isTerminal: true, env: { NO_COLOR: '1' }, enabled: false },
  { name: 'an empty NO_COLOR', isTerminal: true, env: { NO_COLOR: '' }, enabled: true },
  { name: 'TERM=dumb', isTerminal: true, env: { TERM: 'dumb' }, enabled: false },
])('colours with $name: $enabled', ({ isTerminal, env, enabled }) =>
  expect(colorsFor(isTerminal, env).enabled).toBe(enabled),
);
