/** The PostgreSQL nodes of one region, by id; never two servers of their own at once. */
import type { NodeId } from '../../../shared/core/node.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { NodeMode } from '../../../shared/ports/node-control.ts';
import type { ProcessState } from '../process/managed-process.ts';
import type { RegionContext } from '../region-context.ts';
import { nodeName } from '../region-paths.ts';
import { PostgresNode, type AgentNodeState } from './postgres-node.ts';

export class RegionNodes {
  readonly #nodes: ReadonlyMap<NodeId, PostgresNode>;

  constructor(context: RegionContext) {
    this.#nodes = new Map(
      context.region.nodes.map((config) => [config.id, new PostgresNode(context, config)]),
    );
  }

  states(): AgentNodeState[] {
    return [...this.#nodes.values()].map((node) => node.state());
  }

  stateOf(id: NodeId): AgentNodeState {
    return this.#node(id).state();
  }

  processes(): ProcessState[] {
    return [...this.#nodes.values()].map((node) => node.server);
  }

  /** `eu-west/pg-1` for `pg-1`. Throws RequestInvalid for an unknown name. */
  idOf(name: string): NodeId {
    for (const id of this.#nodes.keys()) if (nodeName(id) === name) return id;
    throw new MeridianError('RequestInvalid', `This region has no node ${name}.`);
  }

  /** Starts what ran before the agent did. */
  async resume(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.resume()));
  }

  initialise(id: NodeId): Promise<void> {
    return this.#node(id).initialise();
  }

  /** The copy of the database that is being adopted takes its place. */
  takeOver(id: NodeId): void {
    this.#node(id).adoption.takeOver();
  }

  seedRegionNode(id: NodeId, source: { host: string; port: number }): Promise<void> {
    return this.#node(id).seedRegionNode(source);
  }

  seedStandby(id: NodeId, primary: NodeId): Promise<void> {
    return this.#node(id).seedStandby(primary);
  }

  async start(id: NodeId, mode: NodeMode, primary: NodeId | null): Promise<void> {
    const other = this.#othersOfTheirOwn(id)[0];
    if (mode === 'normal' && other !== undefined) {
      const message = `${other.id} is this region's node: stop it first.`;
      throw new MeridianError('RequestInvalid', message, { node: id });
    }
    await this.#node(id).start(mode, primary);
  }

  stop(id: NodeId): Promise<void> {
    return this.#node(id).stop();
  }

  /** The old node is ended first: it would come back beside the new one. Its data stay. */
  promote(id: NodeId): Promise<void> {
    return this.#node(id).promote(async () => {
      await Promise.all(this.#othersOfTheirOwn(id).map((node) => node.giveUp()));
    });
  }

  setAside(id: NodeId): Promise<void> {
    return this.#node(id).setAside();
  }

  /** New connections are shown the certificates of the secrets as they are now. */
  async renewCertificates(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.renewCertificates()));
  }

  /** Standbys first: a server waits at its end for those that still stream from it. */
  async shutDown(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    const isOwn = (node: PostgresNode): boolean => node.isServerOfItsOwn();
    await Promise.all(nodes.filter((node) => !isOwn(node)).map((node) => node.shutDown()));
    await Promise.all(nodes.filter(isOwn).map((node) => node.shutDown()));
  }

  #othersOfTheirOwn(id: NodeId): PostgresNode[] {
    return [...this.#nodes.values()].filter((node) => node.id !== id && node.isServerOfItsOwn());
  }

  #node(id: NodeId): PostgresNode {
    const node = this.#nodes.get(id);
    if (node === undefined) {
      throw new MeridianError('RequestInvalid', `${id} is no node of this region.`);
    }
    return node;
  }
}
