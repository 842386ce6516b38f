/**
 * Compares, in a region that follows, the schema of its own node with the primary's, every few
 * seconds: only digests travel while they are equal. What differs twice in a row is told.
 */
import { z } from 'zod';
import type { ClusterView } from '../../../../shared/core/cluster-view.ts';
import { ConfirmedDifferences } from '../../../../shared/core/drift/confirmed-differences.ts';
import type { NodeState } from '../../../../shared/core/node-state.ts';
import type { PeerClient } from '../../../../shared/http/peer-client.ts';
import type { Logger } from '../../../../shared/logging/logger.ts';
import { sleep } from '../../../../shared/runtime/sleep.ts';
import {
  foreignCommand,
  schemaDifferences,
  type SchemaDescription,
} from '../../core/operator/schema-difference.ts';
import { NodeConnection, type NodeAccess } from '../node-connection.ts';
import type { Peer } from './peer-reports.ts';
import { readSchema, readSchemaDigest } from './schema-description.ts';

export interface SchemaWatchOptions {
  readonly access: NodeAccess;
  readonly nodes: () => readonly NodeState[];
  readonly view: () => ClusterView;
  readonly peers: readonly Peer[];
  readonly client: PeerClient;
  readonly logger: Logger;
  /** What differs; told when that changes. */
  readonly onDifferences: (differences: readonly string[]) => void;
}

/** What a primary answers: without `objects` when its digest is the one that was asked about. */
export interface SchemaAnswer {
  readonly commands: string;
  readonly objects: SchemaDescription['objects'] | null;
}

const everyMs = 2000;
/** A large schema is looked at less often: the looks take this share of the time at most. */
const busyShareMax = 1 / 50;
const boundMs = 4500;

const answerSchema = z.object({
  commands: z.string().regex(/^[0-9]{1,19}$/),
  objects: z
    .array(z.object({ name: z.string(), definition: z.string(), partOf: z.string() }))
    .nullable(),
});

export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #own: NodeConnection;
  readonly #asked: NodeConnection;
  readonly #differences = new ConfirmedDifferences();
  #answering: Promise<unknown> = Promise.resolve();
  #isFailing = false;

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
    this.#own = new NodeConnection(options.access, 'meridian-schema-watch');
    this.#asked = new NodeConnection(options.access, 'meridian-schema-asked');
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedMs = performance.now();
      try {
        this.#take(await this.#look());
        this.#isFailing = false;
      } catch (error) {
        // Who cannot be asked says nothing new.
        if (!this.#isFailing) this.#options.logger.warn({ err: error }, 'schema not compared');
        this.#isFailing = true;
      }
      const tookMs = performance.now() - startedMs;
      await sleep(Math.max(everyMs, tookMs / busyShareMax), signal);
    }
    for (const connection of [this.#own, this.#asked]) connection.close();
  }

  /** For a region that follows and has `digest`; null while this one does not lead. */
  async answer(digest: string): Promise<SchemaAnswer | null> {
    if (this.#options.view().role !== 'primary') return null;
    // One at a time: they share a connection.
    const answering = this.#answering.then(() => this.#answer(digest));
    this.#answering = answering.catch(() => undefined);
    return answering;
  }

  async #answer(digest: string): Promise<SchemaAnswer> {
    const own = await this.#onNode(this.#asked, readSchemaDigest);
    if (own.digest === digest) return { commands: String(own.commands), objects: null };
    const { commands, objects } = await this.#onNode(this.#asked, readSchema);
    return { commands: String(commands), objects };
  }

  /** What differs now; null when that cannot be said. */
  async #look(): Promise<readonly string[] | null> {
    const { view, peers, client } = this.#options;
    const { role, primary } = view();
    const peer = peers.find(({ region }) => region === primary);
    if (role !== 'replica' || peer === undefined) return [];
    const own = await this.#onNode(this.#own, readSchemaDigest);
    const path = `/peer/schema?digest=${own.digest}`;
    const reply = await client.request(peer.origin, { method: 'GET', path, timeoutMs: boundMs });
    // An older program does not know the question.
    if (reply.status === 404) return [];
    if (reply.status !== 200) return null;
    const { commands, objects } = answerSchema.parse(JSON.parse(reply.body));
    if (own.commands > BigInt(commands)) return [foreignCommand];
    if (objects === null) return [];
    const now = await this.#onNode(this.#own, readSchema);
    return schemaDifferences(now, { commands: BigInt(commands), objects });
  }

  /** A command may be seen on one side just before the other: one look alone tells nothing. */
  #take(found: readonly string[] | null): void {
    if (found === null) return;
    const differences = this.#differences.after(found);
    if (differences !== null) this.#options.onDifferences(differences);
  }

  #onNode<T>(
    connection: NodeConnection,
    read: Parameters<typeof connection.run<T>>[2],
  ): Promise<T> {
    const { nodes, view } = this.#options;
    const node = nodes().find(({ id, process }) => id === view().node && process === 'running');
    if (node === undefined) throw new Error('the region has no node that runs');
    return connection.run({ host: node.host, port: node.port }, boundMs, read);
  }
}
