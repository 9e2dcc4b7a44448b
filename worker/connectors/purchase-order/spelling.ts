// Labels and headings with a slip of the keyboard: "P.O. Nubmer:", "Descripton". Values are never touched.
//
// P1  a word is put right only where a label or a heading is expected, it is none as it stands, and it becomes one whole.

import { findHeader } from './heading.ts';
import { findLabels } from './labels.ts';
import { cellsOf } from './normalize.ts';

const WORDS = (
  'number order purchase vendor supplier payment terms delivery shipping required needed currency subtotal total amount discount ' +
  'freight description quantity price date item'
).split(' ');
const LABEL = /^[^:\t\d]{3,30}(?=:)/;
const HEADING_CELLS = 3;

export function withSpelling(lines: readonly string[]): string[] {
  return lines.map((line) => {
    const cells = line.split('\t').map((cell) => cell.replace(LABEL, rightLabel));
    const text = cells.join('\t');
    if (/\d/.test(text) || cellsOf(text).length < HEADING_CELLS || findHeader(text) !== null) return text;
    const heading = rightWords(text);
    return heading !== text && findHeader(heading) !== null ? heading : text;
  });
}

function rightLabel(label: string): string {
  if (isLabel(label)) return label;
  const right = rightWords(label);
  return right !== label && isLabel(right) ? right : label;
}

/** All of it is one. */
function isLabel(text: string): boolean {
  return findLabels([`${text}: 1`]).some(({ from, tie }) => from === 0 && tie === 'colon');
}

function rightWords(text: string): string {
  return text.replace(/\p{L}{4,}/gu, (word) => WORDS.find((right) => isSlip(word.toLowerCase(), right)) ?? word);
}

/** One letter too many, too few or another, or two that changed places; the first is right. */
function isSlip(word: string, right: string): boolean {
  if (word === right || word === `${right}s` || word[0] !== right[0] || Math.abs(word.length - right.length) > 1)
    return false;
  let same = 0;
  while (same < word.length && word[same] === right[same]) same += 1;
  const [left, other] = [word.slice(same), right.slice(same)];
  const isSwapped = left[0] === other[1] && left[1] === other[0] && left.slice(2) === other.slice(2);
  return isSwapped || left.slice(1) === other || left === other.slice(1) || left.slice(1) === other.slice(1);
}
