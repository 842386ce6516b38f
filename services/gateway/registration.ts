/** Instances of upstream groups that announce themselves to the region's registry. */
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import type { Registration } from './http/admin-routes.ts';
import { createAddressList } from './io/address-list.ts';
import { isInside } from './io/instance-registry.ts';
import type { GatewayRuntime } from './runtime.ts';

interface Announced {
  readonly group: string;
  readonly id: string;
}

/**
 * Registers or renews an instance, removes it when `facts` is null. Throws RequestInvalid for a
 * group without registry and an address outside its networks, UpstreamUnavailable without Redis.
 */
export async function register(
  runtime: GatewayRuntime | null,
  { group, id }: Announced,
  facts: Registration | null,
): Promise<void> {
  const settings = runtime?.config.groups[group]?.registry;
  if (settings?.enabled !== true) {
    const hint = `Set gateway.groups.${group}.registry.enabled and its networks.`;
    throw new MeridianError('RequestInvalid', 'The group takes no registrations.', { hint });
  }
  if (facts !== null && !isInside(facts.url, createAddressList(settings.networks))) {
    const hint = 'The URL must be an address (no name) with a port, inside registry.networks.';
    throw new MeridianError('RequestInvalid', 'The instance may not be reached there.', { hint });
  }
  const away = (cause?: unknown): MeridianError =>
    new MeridianError('UpstreamUnavailable', 'The registry cannot be reached.', {}, cause);
  const registry = runtime?.registry ?? null;
  if (registry === null) throw away();
  try {
    if (facts === null) await registry.remove(group, id);
    else await registry.register(group, id, facts);
  } catch (error) {
    throw away(error);
  }
}
