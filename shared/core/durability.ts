/** Durability modes: what a COMMIT waits for (DESIGN.md section 4). */

export const durabilityModes = ['async', 'logged', 'semi-sync', 'sync'] as const;
export type DurabilityMode = (typeof durabilityModes)[number];

/** The value of `synchronous_commit` that makes PostgreSQL wait as `mode` asks. */
export function synchronousCommitOf(
  mode: DurabilityMode,
): 'local' | 'on' | 'remote_write' | 'remote_apply' {
  return { async: 'local', logged: 'on', 'semi-sync': 'remote_write', sync: 'remote_apply' }[
    mode
  ] as 'local' | 'on' | 'remote_write' | 'remote_apply';
}

/** `text` as a DurabilityMode, or null. */
export function parseDurabilityMode(text: string): DurabilityMode | null {
  return durabilityModes.find((mode) => mode === text) ?? null;
}
