/** Identity of a region: a failure domain with a full stack. */

declare const regionBrand: unique symbol;
export type RegionId = string & { readonly [regionBrand]: true };

/** Lower-case letters, digits and dashes, starting with a letter, 2 to 32 characters. */
const pattern = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;

/** Whether `text` may name a region. */
export function isRegionId(text: string): text is RegionId {
  return pattern.test(text);
}

/** `text` as a RegionId, or null when it cannot be one. */
export function parseRegionId(text: string): RegionId | null {
  return isRegionId(text) ? text : null;
}

/** Where a region's host is: the name that others dial, the address that it binds itself. */
export interface HostPlace {
  readonly host: string;
  readonly bind: string;
}

/** What a host binds whose name leads to it from elsewhere. */
export const everyAddress = '0.0.0.0';
/** Ending of names that the cluster file itself leads to addresses. */
export const internalDomain = '.meridian.internal';

/** Whether the name needs an entry in the cluster file's `hosts`. */
export function isNamedHere({ host, bind }: HostPlace): boolean {
  return host.endsWith(internalDomain) && bind !== everyAddress;
}
