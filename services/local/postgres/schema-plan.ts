/** What has to be done to Meridian's own tables in a database before this program works with it. */

export interface SchemaStep {
  /** What the tables are after it. */
  readonly version: number;
  /** The oldest programs that can live with them, by the version that these know. */
  readonly usableFrom: number;
  readonly text: string;
}

/** What a program knows. */
export interface OwnSchema {
  /** In ascending order of their versions. */
  readonly steps: readonly SchemaStep[];
  /** Digest of all SQL that makes it. */
  readonly digest: string;
}

/** What a database says of itself. */
export interface FoundSchema {
  readonly version: number;
  readonly usableFrom: number;
  readonly digest: string;
}

export type SchemaPlan =
  /** `steps` change tables; then all that can be made anew is made anew. */
  | { readonly kind: 'make'; readonly steps: readonly SchemaStep[]; readonly after: FoundSchema }
  /** Made ahead: only what applications would have felt is missing. */
  | { readonly kind: 'finish'; readonly after: FoundSchema }
  /** As it must be, or of a newer program that thought of this one. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'refuse'; readonly why: string };

/** The version of tables that no step has changed yet. */
const firstVersion = 1;

/** The digest in a database whose server may be kept: what applications would feel is left out. */
export function aheadDigest(digest: string): string {
  return `ahead ${digest}`;
}

/**
 * `found` is null in a database that says nothing: it has no tables of Meridian's yet, or
 * (`hasTables`) those of the first version.
 */
export function planSchema(
  found: FoundSchema | null,
  own: OwnSchema,
  hasTables: boolean,
): SchemaPlan {
  const last = own.steps.at(-1);
  const after = {
    version: last?.version ?? firstVersion,
    usableFrom: last?.usableFrom ?? firstVersion,
    digest: own.digest,
  };
  const version = found?.version ?? (hasTables ? firstVersion : after.version);
  if (found !== null && version > after.version) {
    const isWhole = !found.digest.startsWith(aheadDigest(''));
    if (isWhole && found.usableFrom <= after.version) return { kind: 'leave' };
    const why =
      `Meridian's tables here are of version ${version}, which programs that know less than ` +
      `version ${isWhole ? found.usableFrom : version} must not touch; this one knows ` +
      `${after.version}.`;
    return { kind: 'refuse', why };
  }
  if (found?.digest === own.digest) return { kind: 'leave' };
  if (found?.digest === aheadDigest(own.digest)) return { kind: 'finish', after };
  return { kind: 'make', steps: own.steps.filter((step) => step.version > version), after };
}
