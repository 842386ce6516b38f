/**
 * Whether Kafka's `metadata.version` can be raised: only with every node exchanged, witnesses too,
 * because a node that is older or away could not start any more.
 */
export interface KafkaNode {
  /** Its region or witness. */
  readonly id: string;
  /** What it said; null: it did not answer. */
  readonly version: { readonly newest: number; readonly inForce: number } | null;
}

export type MetadataPlan =
  | { readonly kind: 'done'; readonly level: number }
  | { readonly kind: 'raise'; readonly from: number; readonly to: number }
  | { readonly kind: 'refuse'; readonly why: string };

export function planMetadata(nodes: readonly KafkaNode[]): MetadataPlan {
  const said = nodes.flatMap(({ id, version }) => (version === null ? [] : [{ id, ...version }]));
  const silent = nodes.filter(({ version }) => version === null).map(({ id }) => id);
  if (said.length === 0 || silent.length > 0) {
    return { kind: 'refuse', why: `the Kafka node of ${silent.join(', ')} does not answer` };
  }
  const to = Math.max(...said.map(({ newest }) => newest));
  const older = said.filter(({ newest }) => newest < to).map(({ id }) => id);
  if (older.length > 0) {
    return { kind: 'refuse', why: `${older.join(', ')} has an older Kafka than the others` };
  }
  const from = Math.min(...said.map(({ inForce }) => inForce));
  return from >= to ? { kind: 'done', level: from } : { kind: 'raise', from, to };
}
