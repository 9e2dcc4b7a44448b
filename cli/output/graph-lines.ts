// The signs that lines of a graph are made of: a box of four ways, and a stroke for each look.

import type { EdgeLook } from '../../kernel/picture/picture.ts';

export const UP = 1;
export const DOWN = 2;
export const LEFT = 4;
export const RIGHT = 8;
export const JOINTS: Readonly<Record<number, string>> = {
  [UP | RIGHT]: '└',
  [UP | LEFT]: '┘',
  [DOWN | RIGHT]: '┌',
  [DOWN | LEFT]: '┐',
  [UP | DOWN | RIGHT]: '├',
  [UP | DOWN | LEFT]: '┤',
  [LEFT | RIGHT | UP]: '┴',
  [LEFT | RIGHT | DOWN]: '┬',
  [UP | DOWN | LEFT | RIGHT]: '┼',
};
export const FLAT: Readonly<Record<EdgeLook, string>> = { made: '─', certain: '╌', possible: '┈', impossible: '┈' };
export const STEEP: Readonly<Record<EdgeLook, string>> = { made: '│', certain: '╎', possible: '┊', impossible: '┊' };
export const HEADS: Readonly<Record<EdgeLook, string>> = { made: '▶', certain: '▶', possible: '▷', impossible: '▷' };
