/** Kinds of values in the gateway section, with what a wrong one is told. */
import { z } from 'zod';

export const durationMs = z.int().min(1).max(86_400_000);
export const count = z.int().min(1).max(100_000);
export const share = z.number().min(0).max(1);
export const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, {
  error: 'must be lower-case letters, digits and dashes',
});
export const headerName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, { error: 'must be a lower-case name' });
export const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e]{0,1024}$/, { error: 'must be printable' });
export const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'must be an address or a CIDR block, e.g. 192.0.2.0/24',
});
