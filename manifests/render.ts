// Any data as YAML, for people to read: what `get -o yaml` prints. Manifests are written by document.ts, which keeps what their
// authors wrote.

import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type { Json } from '../kernel/json.ts';
import { lazy } from './lazy.ts';

const yaml = lazy(() => createRequire(import.meta.url)('yaml') as typeof Yaml);

export function renderYaml(value: Json): string {
  return yaml().stringify(value, { version: '1.2', schema: 'core', aliasDuplicateObjects: false, lineWidth: 0 });
}
