// From a document as people write it to the canonical manifest: the envelope that a bare document lacks, the name
// that it takes from its file, and without what only the engine writes (status, uid, times).
//
// Owns nothing about whether the manifest is right; the schema and the front ends say that.

import { isObject, type Json, type JsonObject } from '../kernel/json.ts';
import { API_VERSION, type Kind, KINDS } from './model.ts';
import { didYouMean, type Findings, type Path, show } from './problems.ts';

export interface Expectations {
  /** For a document that has no name of its own. */
  readonly defaultName?: string | undefined;
  /** The kind that it must be of. */
  readonly kind?: Kind | undefined;
}

export interface Canonical {
  readonly kind: Kind;
  /** Not yet checked: it may have any shape below the top. */
  readonly manifest: JsonObject;
  /** Written without apiVersion, kind, metadata and spec. */
  readonly isBare: boolean;
  /** The document says the same as the manifest. */
  readonly isVerbatim: boolean;
  /** Paths of the manifest as paths of the document. */
  readonly asWritten: (path: Path) => Path;
}

/** What the engine fills in under metadata; taken off, so that what `get` prints can be applied again. */
const ENGINE_METADATA = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'];
const IGNORED_METADATA = new Set([...ENGINE_METADATA, 'managedFields', 'generateName', 'selfLink']);

const BARE_FIELDS = ['tasks', 'steps', 'states', 'startAt', 'States', 'StartAt'];

/** Null when findings were added. */
export function canonicalize(value: unknown, expect: Expectations, findings: Findings): Canonical | null {
  if (!isObject(value)) {
    findings.add(
      [],
      'TypeInvalid',
      `expected a mapping with apiVersion, kind, metadata and spec, found ${show(value)}`,
    );
    return null;
  }
  const isEnveloped = ['apiVersion', 'kind', 'metadata', 'spec'].some((field) => Object.hasOwn(value, field));
  const isBare = !isEnveloped && BARE_FIELDS.some((field) => Object.hasOwn(value, field));
  return isBare ? canonicalizeBare(value, expect, findings) : canonicalizeEnveloped(value, expect, findings);
}

function canonicalizeEnveloped(value: JsonObject, expect: Expectations, findings: Findings): Canonical | null {
  const { apiVersion, kind, metadata, spec, status, ...unknown } = value;
  if (apiVersion === undefined)
    findings.add(['apiVersion'], 'Required', `required, and not there; add "apiVersion: ${API_VERSION}"`);
  else if (apiVersion !== API_VERSION) {
    findings.add(['apiVersion'], 'NotSupported', `expected ${API_VERSION}, found ${show(apiVersion)}`);
  }
  const info = KINDS.find((candidate) => candidate.kind === kind);
  if (info === undefined)
    findings.add(['kind'], kind === undefined ? 'Required' : 'NotSupported', kindMessage(kind, expect.kind));
  else if (expect.kind !== undefined && expect.kind !== info.kind) {
    findings.add(['kind'], 'Invalid', `expected ${expect.kind}, found ${info.kind}`);
  }
  if (info === undefined || !findings.isEmpty) return null;

  const named = withName(metadata, expect.defaultName);
  const manifest: JsonObject = { apiVersion: API_VERSION, kind: info.kind, metadata: named, ...unknown };
  if (spec !== undefined) manifest['spec'] = info.kind === 'WorkflowRun' ? withBareInline(spec) : spec;
  const isVerbatim = named === metadata && manifest['spec'] === spec && status === undefined;
  return { kind: info.kind, manifest, isBare: false, isVerbatim, asWritten: (path) => path };
}

function kindMessage(kind: Json | undefined, expected: Kind | undefined): string {
  if (kind === undefined && expected !== undefined) return `required, and not there; add "kind: ${expected}"`;
  const kinds = KINDS.map((info) => info.kind);
  const hint = typeof kind === 'string' ? didYouMean(kind, kinds) : '';
  return `expected one of ${kinds.join(', ')}, found ${kind === undefined ? 'none' : show(kind)}${hint}`;
}

/** Metadata as it was when nothing had to change. */
function withName(metadata: Json | undefined, defaultName: string | undefined): Json {
  if (metadata !== undefined && !isObject(metadata)) {
    return metadata === null && defaultName !== undefined ? { name: defaultName } : metadata;
  }
  const written = metadata ?? {};
  const isKept = Object.keys(written).every((field) => !IGNORED_METADATA.has(field));
  const needsName = !Object.hasOwn(written, 'name') && defaultName !== undefined;
  if (isKept && !needsName && metadata !== undefined) return metadata;
  const kept = Object.entries(written).filter(([field]) => !IGNORED_METADATA.has(field));
  return Object.fromEntries(needsName ? [['name', defaultName], ...kept] : kept);
}

/** An inline workflow may be written as a bare document: its id or name says nothing within a run. */
function withBareInline(spec: Json): Json {
  if (!isObject(spec) || !isObject(spec['workflow'])) return spec;
  const { id, name, ...workflow } = spec['workflow'];
  return id === undefined && name === undefined ? spec : { ...spec, workflow };
}

function canonicalizeBare(value: JsonObject, expect: Expectations, findings: Findings): Canonical | null {
  if (expect.kind !== undefined && expect.kind !== 'Workflow') {
    findings.add([], 'Invalid', `expected a ${expect.kind}, found a bare workflow`);
    return null;
  }
  const { id, name, ...spec } = value;
  const nameField = id === undefined && name !== undefined ? 'name' : 'id';
  if (id !== undefined && name !== undefined && id !== name) {
    findings.add(['name'], 'Invalid', `expected one name, found ${show(id)} as id and ${show(name)} as name`, {
      atKey: true,
    });
    return null;
  }
  const metadata: JsonObject = {};
  const ownName = id ?? name ?? expect.defaultName;
  if (ownName !== undefined) metadata['name'] = ownName;
  const asWritten = (path: Path): Path => {
    if (path[0] === 'spec') return path.slice(1);
    return path[0] === 'metadata' ? [nameField] : [];
  };
  const manifest = { apiVersion: API_VERSION, kind: 'Workflow', metadata, spec };
  return { kind: 'Workflow', manifest, isBare: true, isVerbatim: false, asWritten };
}
