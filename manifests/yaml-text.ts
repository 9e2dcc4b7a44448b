// YAML documents: text to plain data with places, and nothing that plain data cannot say.
//
// Owns: which YAML is taken. Version 1.2, core schema, no merge keys, no tags beyond the schema. Anchors and
// aliases are expanded here; cycles and blow-ups are refused.
//
// I1  nesting is checked token by token, before anything recursive sees the document.
// I2  keys are compared by our own set: the package compares each with each (29 s for 40,000 keys).
// I3  what aliases add is bounded by ALIAS_FACTOR times the text.

import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { placeOf, type ParsedDocument } from './json-text.ts';
import { lazy } from './lazy.ts';
import { DEPTH_LIMIT, keyProblem, textProblem, tooDeep } from './plain.ts';
import { type Findings, type Path, type Place, quote } from './problems.ts';

const yaml = lazy(() => createRequire(import.meta.url)('yaml') as typeof Yaml);

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  merge: false,
  uniqueKeys: false,
  strict: true,
  stringKeys: true,
} as const;

/** Tags that somebody may write out; binary data, sets and times have no counterpart in JSON. */
const CORE_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'seq', 'map'].map((name) => `tag:yaml.org,2002:${name}`),
);

/** Frames that the parser keeps beside one for each level of nesting. */
const STACK_ALLOWANCE = 8;
/** Honest anchors repeat a block here and there; bombs multiply. */
const ALIAS_FACTOR = 10;
const ALIAS_FLOOR = 1024 * 1024;

/** The documents of a text, empty ones left out. */
export function parseYaml(text: string, findings: Findings): ParsedDocument[] {
  const documents: ParsedDocument[] = [];
  let start = 0;
  for (const document of compose(text, findings)) {
    const end = document.range[2];
    checkDocument(document, text, findings);
    if (!findings.isEmpty) return [];
    const contents = document.contents;
    if (contents !== null && !isEmpty(contents)) {
      const value = new Conversion(text, findings).convert(contents, []);
      const locate = (path: Path, atKey: boolean) => placeOf(text, offsetOf(contents, path, atKey));
      documents.push({ value, locate, text: text.slice(start, end) });
    }
    start = end;
  }
  const only = documents.length === 1 && findings.isEmpty ? documents[0] : undefined;
  return only === undefined ? documents : [{ ...only, text }];
}

function isEmpty(node: Yaml.Node): boolean {
  return yaml().isScalar(node) && node.value === null && (node.source ?? '') === '';
}

type Composed = Yaml.Document.Parsed;

function compose(text: string, findings: Findings): Composed[] {
  const { Composer, Lexer, Parser } = yaml();
  const parser = new Parser();
  const composer = new Composer(OPTIONS);
  const documents: Composed[] = [];
  try {
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) documents.push(...(composer.next(token) as Iterable<Composed>));
      if (parser.stack.length > DEPTH_LIMIT + STACK_ALLOWANCE) {
        findings.add([], 'Invalid', tooDeep, { place: placeOf(text, parser.offset) });
        return [];
      }
    }
    for (const token of parser.end()) documents.push(...(composer.next(token) as Iterable<Composed>));
    documents.push(...(composer.end(false, text.length) as Iterable<Composed>));
  } catch (error) {
    findings.add([], 'Syntax', `cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
  return documents;
}

function checkDocument(document: Composed, text: string, findings: Findings): void {
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2') {
    findings.add([], 'NotSupported', `expected YAML version 1.2, found ${version}`, { place: placeOf(text, 0) });
  }
  // Warnings are about things that would silently mean something else: unknown tags, unknown versions.
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    // Looking up a place costs the length of the text, and garbage has an error in every line.
    if (findings.isFull) return;
    findings.add([], 'Syntax', lowerFirst(message), { place: placeOf(text, pos[0]) });
  }
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

interface Anchor {
  /** Absent while the node is still being converted: an alias to it then closes a cycle. */
  readonly done?: { readonly value: unknown; readonly size: number };
}

/** Turns the nodes of one document into plain data. */
class Conversion {
  readonly #text: string;
  readonly #findings: Findings;
  readonly #anchors = new Map<string, Anchor>();
  /** Characters of data so far, aliases expanded, and how many of them came by aliases. */
  #size = 0;
  #aliasSize = 0;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
  }

  convert(node: Yaml.Node | null, path: Path): unknown {
    const { isAlias, isMap, isScalar, isSeq } = yaml();
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node, path);
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, {});
    const tag = node.tag;
    if (tag !== undefined && !CORE_TAGS.has(tag))
      this.#report(node, path, `the tag ${tag.slice(0, 60)} is not supported`);
    const before = this.#size;
    let value: unknown = null;
    if (isScalar(node)) value = this.#scalar(node, path);
    else if (path.length >= DEPTH_LIMIT) this.#report(node, path.slice(0, 8), tooDeep);
    else if (isSeq(node)) value = node.items.map((item, index) => this.convert(item as Yaml.Node, [...path, index]));
    else if (isMap(node)) value = this.#mapping(node, path);
    if (anchor !== undefined) this.#anchors.set(anchor, { done: { value, size: this.#size - before } });
    return value;
  }

  #scalar(node: Yaml.Scalar, path: Path): unknown {
    const value = node.value;
    const source = node.source ?? '';
    this.#size += source.length + 2;
    if (typeof value === 'string') {
      const problem = textProblem(value);
      if (problem !== undefined) this.#report(node, path, problem);
      return value;
    }
    if (typeof value !== 'number') return typeof value === 'boolean' ? value : null;
    if (!Number.isFinite(value)) this.#report(node, path, `expected a finite number, found ${source.slice(0, 40)}`);
    else if (!Number.isSafeInteger(value) && /^[-+]?(\d+|0o[0-7]+|0x[\da-f]+)$/i.test(source)) {
      const digits = source.slice(0, 40);
      this.#report(
        node,
        path,
        `the integer ${digits} cannot be held exactly, expected at most 2^53 - 1; quote it to keep it as text`,
      );
    }
    return value === 0 ? 0 : value;
  }

  #mapping(node: Yaml.YAMLMap, path: Path): unknown {
    const entries: [string, unknown][] = [];
    const seen = new Set<string>();
    for (const pair of node.items) {
      const keyNode = pair.key as Yaml.Node | null;
      const key = keyText(keyNode);
      if (key === null) {
        this.#report(keyNode ?? node, path, 'expected plain text as the name of a field');
        continue;
      }
      const problem = seen.has(key) ? `the field ${quote(key)} stands twice` : keyProblem(key);
      if (problem !== undefined) this.#report(keyNode ?? node, [...path, key], problem);
      seen.add(key);
      this.#size += key.length + 4;
      entries.push([key, this.convert(pair.value as Yaml.Node | null, [...path, key])]);
      if (this.#findings.isFull) break;
    }
    // Not by assignment, to which `__proto__` would be no field but the prototype.
    return Object.fromEntries(entries);
  }

  #alias(node: Yaml.Alias, path: Path): unknown {
    const anchor = this.#anchors.get(node.source);
    if (anchor === undefined) this.#report(node, path, `the alias *${node.source} has no anchor before it`);
    else if (anchor.done === undefined)
      this.#report(node, path, `the alias *${node.source} stands inside its own anchor`);
    else {
      this.#size += anchor.done.size;
      this.#aliasSize += anchor.done.size;
      if (this.#aliasSize <= Math.max(ALIAS_FLOOR, ALIAS_FACTOR * this.#text.length)) {
        return copy(anchor.done.value, path.length, () => this.#report(node, path.slice(0, 8), tooDeep));
      }
      if (this.#findings.isEmpty) {
        this.#report(
          node,
          path,
          `aliases blow the document up to more than ${ALIAS_FACTOR} times its text, expected less`,
        );
      }
    }
    return null;
  }

  #report(node: Yaml.Node, path: Path, message: string): void {
    this.#findings.add(path, 'Invalid', message, { place: this.#place(node) });
  }

  #place(node: Yaml.Node): Place {
    return placeOf(this.#text, node.range?.[0] ?? 0);
  }
}

/** Keys are read as texts whatever they look like (option stringKeys); null for lists and mappings. */
function keyText(key: unknown): string | null {
  return yaml().isScalar(key) && typeof key.value === 'string' ? key.value : null;
}

/** A copy of its own for each alias, so that the document is a tree. */
function copy(value: unknown, depth: number, onTooDeep: () => void): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_LIMIT) {
    onTooDeep();
    return null;
  }
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, onTooDeep));
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, copy(child, depth + 1, onTooDeep)]));
}

/** Where the value at `path` (or its key) begins; the nearest thing around it when it is not there. */
function offsetOf(contents: Yaml.Node, path: Path, atKey: boolean): number {
  const { isMap, isSeq } = yaml();
  let node: Yaml.Node = contents;
  let offset = node.range?.[0] ?? 0;
  for (const [depth, part] of path.entries()) {
    if (isSeq(node) && typeof part === 'number') {
      const item = node.items[part] as Yaml.Node | undefined;
      if (item === undefined) return offset;
      node = item;
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => keyText(key) === part);
      if (pair === undefined) return offset;
      const key = pair.key as Yaml.Node;
      offset = key.range?.[0] ?? offset;
      const value = pair.value as Yaml.Node | null;
      if ((atKey && depth === path.length - 1) || value === null || isEmpty(value)) return offset;
      node = value;
    } else return offset;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}
