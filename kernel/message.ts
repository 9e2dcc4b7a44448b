// The words of the message protocol: what a line of a task may be, and how it is answered (docs/protocols/messages.md).
//
// M1  an answer follows from the journaled event alone, so that a new controller says it again in the same words.

import { isObject, type Json, type JsonObject } from './json.ts';
import type { Answer } from './node.ts';

/** Codes of JSON-RPC 2.0, and two of ours. */
export const CODES = {
  parse: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  refused: 1,
  promiseBroken: 2,
} as const;

export const METHODS = ['run.input', 'graph.change', 'output', 'log', 'progress'] as const;
export type Method = (typeof METHODS)[number];

/** What a line says; null for one that is only printed, and so belongs to the log. */
export function parseMessage(text: string): JsonObject | null {
  if (!text.startsWith('{')) return null;
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) && Object.hasOwn(value, 'jsonrpc') ? value : null;
  } catch {
    return null;
  }
}

/** `input` gives what a task that asks for its input is told. */
export function answerLine(answer: Answer, input: () => Json): string {
  const { id, problem, nodes, asks } = answer;
  if (problem !== undefined) return errorLine(id, codeOf(answer), problem, dataOf(answer));
  const result = nodes !== undefined ? { nodes } : asks === 'input' ? { input: input() } : {};
  return `${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`;
}

export function errorLine(id: string | number | null, code: number, message: string, data?: JsonObject): string {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  return `${JSON.stringify({ jsonrpc: '2.0', id, error })}\n`;
}

function codeOf({ code, promise }: Answer): number {
  return code ?? (promise === undefined ? CODES.refused : CODES.promiseBroken);
}

function dataOf({ code, promise }: Answer): JsonObject {
  if (promise !== undefined) return { reason: 'PromiseBroken', promise };
  return { reason: code === undefined ? 'Refused' : 'Invalid' };
}
