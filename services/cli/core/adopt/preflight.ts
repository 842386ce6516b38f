/**
 * What stands between an existing PostgreSQL database and its life as the primary of epoch 1. Each
 * finding names its fix. Obstacles refuse the adoption; what only has to be known is a note.
 */
import type { AccessFacts } from './access-checks.ts';
import { checkContent, type ContentFacts } from './content-checks.ts';
import { checkServer, type ServerFacts } from './server-checks.ts';

export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'obstacle';
  /** What was found. */
  readonly found: string;
  /** What to do about it; null where nothing is to be done. */
  readonly fix: string | null;
}

/** Everything that the decision rests on, as read from the database and from this machine. */
export interface AdoptFacts {
  readonly server: ServerFacts;
  readonly access: AccessFacts;
  readonly content: ContentFacts;
  readonly own: OwnFacts;
}

/** The PostgreSQL that the other regions will run. */
export interface OwnFacts {
  readonly majorVersion: number;
  /** As `version()` prints it: x86_64 or aarch64. */
  readonly architecture: string;
  /** Names of the extensions that can be created there. */
  readonly extensions: readonly string[];
  /** Names of the loadable libraries there. */
  readonly libraries: readonly string[];
  /** Settings of the other regions' servers that a copy needs to be as high as the original's. */
  readonly limits: Readonly<Record<string, number>>;
}

/** All findings, in the order in which they are printed. */
export function preflight(facts: AdoptFacts): readonly Finding[] {
  return [...checkServer(facts), ...checkContent(facts.content, facts.own)];
}

export function obstaclesOf(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ verdict }) => verdict === 'obstacle');
}
