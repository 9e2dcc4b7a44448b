// Names of objects and ids of nodes: which are legal, and how a name is made of a file's name.
//
// I1  a legal object name is one path segment that cannot leave its directory, on any system.

const OBJECT_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,198}[A-Za-z0-9])?$/;
const NODE_ID_LIMIT_BYTES = 1024;

/** 1 to 200 characters of [A-Za-z0-9._-], the first and last alphanumeric. */
export function isObjectName(text: string): boolean {
  return OBJECT_NAME.test(text);
}

/** Why an id of the right form is refused all the same, or undefined. */
export function nodeIdProblem(id: string): string | undefined {
  // Characters are counted by the schema; only other scripts can be longer in bytes.
  if (id.length * 3 <= NODE_ID_LIMIT_BYTES) return undefined;
  const bytes = new TextEncoder().encode(id).length;
  return bytes <= NODE_ID_LIMIT_BYTES ? undefined : `expected at most ${NODE_ID_LIMIT_BYTES} bytes, found ${bytes}`;
}

/** The name that a document without one takes from its file; undefined when nothing legal is left of it. */
export function nameOfFile(path: string): string | undefined {
  const base = path.slice(path.lastIndexOf('/') + 1).replace(/\.(ya?ml|json)$/i, '');
  const name = base
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 200)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return isObjectName(name) ? name : undefined;
}
