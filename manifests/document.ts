// Writing manifests as text: a document that stands is edited in place, so that its author finds comments and order
// again; one that does not is rendered.
//
// E1  what is returned parses to exactly the manifest that was given. An edit that cannot keep this is
//     given up for a fresh rendering.

import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { isSame } from '../kernel/expression.ts';
import { isObject, type Json } from '../kernel/json.ts';
import { isJson } from './json-text.ts';
import { lazy } from './lazy.ts';
import type { Manifest } from './model.ts';
import { runInThread } from './off-thread.ts';
import { parseDocuments } from './parse.ts';
import { weightOf } from './plain.ts';
import { Findings } from './problems.ts';

const yaml = lazy(() => createRequire(import.meta.url)('yaml') as typeof Yaml);

const PARSE = { version: '1.2', schema: 'core', merge: false, uniqueKeys: false, stringKeys: true } as const;
const CREATE = { aliasDuplicateObjects: false } as const;

/** Longer ones are written in a thread of their own; editing costs three times as much as reading. */
const IN_PLACE = 32 * 1024;
const EDIT_FACTOR = 5;

/** The text to put where `standing` is, or a new one; see editDocument and renderDocument. */
export async function writeDocument(manifest: Manifest, standing: string | null): Promise<string> {
  const size = standing?.length ?? weightOf(manifest);
  if (size <= IN_PLACE || (standing !== null && isJson(standing))) {
    return standing === null ? renderDocument(manifest) : editDocument(standing, manifest);
  }
  return (await runInThread({ manifest, standing }, manifest.metadata.name, size * EDIT_FACTOR)) as string;
}

/** YAML of a manifest. */
export function renderDocument(manifest: Manifest): string {
  const { Document } = yaml();
  const { apiVersion, kind, metadata, spec } = manifest;
  const document = new Document({ apiVersion, kind, metadata, spec }, { ...PARSE, ...CREATE });
  return document.toString({ lineWidth: 0 });
}

/** A text that says `manifest` and is as much like `text` as can be: comments and order of what did not change stay. */
export function editDocument(text: string, manifest: Manifest): string {
  const wanted = manifest as unknown as Json;
  if (isJson(text)) return `${JSON.stringify(manifest, null, 2)}\n`;
  // Where an anchored value changes, what its aliases say changes too; then they are written out.
  return (
    edited(text, wanted, { expandAliases: false }) ??
    edited(text, wanted, { expandAliases: true }) ??
    renderDocument(manifest)
  );
}

/** The same for a bare document: it becomes the spec of the manifest, comments and all. */
export function envelopDocument(text: string, manifest: Manifest): string {
  const { apiVersion, kind, metadata, spec } = manifest;
  const document = parsed(text);
  const body = document?.contents;
  if (document === undefined || !yaml().isMap(body)) return renderDocument(manifest);
  const envelope = document.createNode({ apiVersion, kind, metadata }, CREATE) as unknown as Yaml.YAMLMap;
  envelope.flow = false;
  // A comment at the very top speaks of the whole, not of the first field that stood there.
  const firstKey = body.items[0]?.key as Yaml.Node | undefined;
  document.commentBefore ??= firstKey?.commentBefore ?? null;
  if (firstKey !== undefined) firstKey.commentBefore = null;
  envelope.set('spec', merge(document, body, spec));
  document.contents = envelope as unknown as typeof document.contents;
  return checked(document, text, manifest as unknown as Json) ?? renderDocument(manifest);
}

type Editable = Yaml.Document<Yaml.Node, boolean>;

function parsed(text: string): Editable | undefined {
  const documents = yaml().parseAllDocuments(text, PARSE);
  const [document] = Array.isArray(documents) ? documents : [];
  return document === undefined || documents.length > 1 || document.errors.length > 0
    ? undefined
    : (document as Editable);
}

function edited(text: string, wanted: Json, options: { expandAliases: boolean }): string | undefined {
  const document = parsed(text);
  if (document?.contents === null || document === undefined) return undefined;
  if (options.expandAliases) expandAliases(document);
  document.contents = merge(document, document.contents, wanted);
  return checked(document, text, wanted);
}

/** The text of a document, undefined when it does not say what is wanted. */
function checked(document: Editable, text: string, wanted: Json): string | undefined {
  let result: string;
  try {
    result = document.toString({ lineWidth: 0, ...habitsOf(text) });
  } catch {
    return undefined;
  }
  const findings = new Findings();
  const [only, second] = parseDocuments(result, findings);
  const isRight = only !== undefined && second === undefined && isSame(only.value as Json, wanted);
  return isRight ? result : undefined;
}

/** How the author indents lists and pads braces. */
function habitsOf(text: string): { indentSeq: boolean; flowCollectionPadding: boolean } {
  return {
    indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text),
    flowCollectionPadding: !/[:-] \{\S/.test(text),
  };
}

function expandAliases(document: Editable): void {
  const { visit } = yaml();
  visit(document, {
    Alias: (_key, alias) => {
      const target = alias.resolve(document);
      return target === undefined ? undefined : document.createNode(target.toJS(document), CREATE);
    },
  });
  visit(document, {
    Node: (_key, node) => {
      delete (node as { anchor?: string }).anchor;
    },
  });
}

/** The node with as little changed as it takes to say `wanted`. Depth is that of the manifest, which is bounded. */
function merge(document: Editable, node: Yaml.Node | null, wanted: Json): Yaml.Node {
  const { isAlias, isMap, isScalar, isSeq } = yaml();
  if (isMap(node) && isObject(wanted)) return mergeMapping(document, node, wanted);
  if (isSeq(node) && Array.isArray(wanted)) return mergeList(document, node, wanted);
  if (isScalar(node) && node.value === wanted) return node;
  if (isAlias(node) && isSame(plainOf(document, node), wanted)) return node;
  return replacement(document, node, wanted);
}

function mergeMapping(document: Editable, node: Yaml.YAMLMap, wanted: { [key: string]: Json }): Yaml.Node {
  const missing = new Map(Object.entries(wanted));
  node.items = node.items.filter((pair) => {
    const key = yaml().isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key !== 'string') return false;
    const value = missing.get(key);
    if (value === undefined) return false;
    missing.delete(key);
    pair.value = merge(document, pair.value as Yaml.Node | null, value);
    return true;
  });
  for (const [key, value] of missing) node.items.push(document.createPair(key, value, CREATE) as Yaml.Pair);
  return node;
}

/** Entries are matched by what identifies them, so that each keeps its comments when the list changes around it. */
function mergeList(document: Editable, node: Yaml.YAMLSeq, wanted: readonly Json[]): Yaml.Node {
  const old = node.items as Yaml.Node[];
  // The parser gives a comment above the first entry to the list; it is meant for the entry.
  const [first] = old;
  if (node.flow !== true && typeof node.commentBefore === 'string' && first !== undefined) {
    first.commentBefore = [node.commentBefore, first.commentBefore]
      .filter((line) => typeof line === 'string')
      .join('\n');
    node.commentBefore = null;
  }
  const byIdentity = new Map<string, Yaml.Node[]>();
  for (const item of old) {
    const identity = identityOf(plainOf(document, item));
    const queue = byIdentity.get(identity);
    if (queue === undefined) byIdentity.set(identity, [item]);
    else queue.push(item);
  }
  node.items = wanted.map((value, index) => {
    const match = byIdentity.get(identityOf(value))?.shift();
    // Of a list that keeps its length, entries without an identity are the ones at the same place.
    const sameplace = wanted.length === old.length && !hasIdentity(value) ? old[index] : undefined;
    return match !== undefined ? merge(document, match, value) : merge(document, sameplace ?? null, value);
  });
  return node;
}

const IDENTITY_FIELDS = ['id', 'node', 'name'];

function hasIdentity(value: Json): boolean {
  return isObject(value) && IDENTITY_FIELDS.some((field) => typeof value[field] === 'string');
}

function identityOf(value: Json): string {
  if (isObject(value)) {
    for (const field of IDENTITY_FIELDS) if (typeof value[field] === 'string') return `${field}=${value[field]}`;
  }
  return JSON.stringify(value);
}

function plainOf(document: Editable, node: Yaml.Node): Json {
  return node.toJS(document) as Json;
}

function replacement(document: Editable, old: Yaml.Node | null, wanted: Json): Yaml.Node {
  const node = document.createNode(wanted, CREATE) as Yaml.Node;
  if (old?.commentBefore !== undefined && old.commentBefore !== null) node.commentBefore = old.commentBefore;
  if (old?.comment !== undefined && old.comment !== null && yaml().isScalar(node)) node.comment = old.comment;
  if (old?.spaceBefore === true) node.spaceBefore = true;
  return node;
}
