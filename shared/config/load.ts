/** Reads the cluster file and the secrets file; every problem is a ConfigInvalid with its place. */
import { readFileSync, statSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { MeridianError } from '../errors/meridian-error.ts';
import { applyEnvironment } from './environment.ts';
import {
  secretsSchema,
  witnessSecretsSchema,
  type Secrets,
  type WitnessSecrets,
} from './secrets-schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Defaults < file < MERIDIAN_* environment, checked and frozen. Throws ConfigInvalid. */
export function loadClusterFile<S extends z.ZodType>(
  path: string,
  schema: S,
  environment: Environment,
): z.output<S> {
  return parseClusterFile(readText(path), schema, { path, environment });
}

/** The same for a text that was read already (a reload, `config check`). */
export function parseClusterFile<S extends z.ZodType>(
  text: string,
  schema: S,
  source: { readonly path: string; readonly environment: Environment },
): z.output<S> {
  const raw = applyEnvironment(parseYaml(text, source.path), source.environment);
  return freeze(check(raw, schema, { path: source.path, text }));
}

/** The secrets of one region; the file must not be readable by others. Throws ConfigInvalid. */
export function loadSecrets(path: string): Secrets {
  return loadSecretFile(path, secretsSchema);
}

/** The same for a witness. */
export function loadWitnessSecrets(path: string): WitnessSecrets {
  return loadSecretFile(path, witnessSecretsSchema);
}

function loadSecretFile<S extends z.ZodType>(path: string, schema: S): z.output<S> {
  const text = readText(path);
  if ((statSync(path).mode & 0o077) !== 0) {
    const hint = `chmod 600 ${path}`;
    throw new MeridianError('ConfigInvalid', `${path} can be read by others.`, { hint });
  }
  return freeze(check(parseYaml(text, path), schema, { path, text }));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const hint = 'Name the file with --config or --secrets, or run npm start once to make both.';
    throw new MeridianError('ConfigInvalid', `${path} cannot be read.`, { hint }, error);
  }
}

function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text);
  const first = document.errors[0];
  if (first === undefined) return document.toJS() as unknown;
  throw new MeridianError('ConfigInvalid', `${path}: ${first.message}`, { hint: 'Mend the YAML.' });
}

function check<S extends z.ZodType>(
  raw: unknown,
  schema: S,
  { path, text }: { readonly path: string; readonly text: string },
): z.output<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => problemAt(issue, raw, text));
  const message = `${path} is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`;
  const hint = 'npx meridian config show prints every key with its value.';
  throw new MeridianError('ConfigInvalid', message, { hint, problems });
}

/** One line: path (line number), value, reason. */
function problemAt(issue: z.core.$ZodIssue, raw: unknown, text: string): string {
  const path = issue.path.map(String);
  const line = lineOf(path, text);
  const place = `${path.join('.') || '(top level)'}${line === null ? '' : ` (line ${line})`}`;
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    raw,
  );
  const shown = /password|secret|token|keys?\b/i.test(path.join('.'))
    ? '(hidden)'
    : JSON.stringify(value)?.slice(0, 80);
  const keys = issue.code === 'unrecognized_keys' ? `: ${issue.keys.join(', ')}` : '';
  const is = shown === undefined || keys !== '' ? '' : ` is ${shown}`;
  return `${place}${is}: ${issue.message}${issue.message.includes(keys) ? '' : keys}`;
}

function lineOf(path: readonly string[], text: string): number | null {
  const counter = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: counter });
  for (let depth = path.length; depth > 0; depth -= 1) {
    const keys = path.slice(0, depth).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const node: unknown = document.getIn(keys, true);
    if (typeof node === 'object' && node !== null && 'range' in node) {
      const range = node.range as [number, number, number] | undefined;
      if (range !== undefined) return counter.linePos(range[0]).line;
    }
  }
  return null;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}
