/** What the publication of an epoch says beside its tables, by the version of the server. */

/** 17 knows no such option and sends no generated column (meridian.has_usable_key). */
const publishesGenerated = 180_000;

/**
 * The end of CREATE PUBLICATION; `version` is `server_version_num`. An identity may hold a
 * generated column: unpublished, it would make an UPDATE fail.
 */
export function publicationEnd(version: number): string {
  return version >= publishesGenerated ? ' WITH (publish_generated_columns = stored)' : '';
}
