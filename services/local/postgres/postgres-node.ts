/**
 * One PostgreSQL node of the region: its data, its server, one operation at a time. The controller
 * decides; a restarted agent only goes on with what a node did last.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RegionConfig } from '../../../shared/config/cluster-schema.ts';
import { formatLsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { withPg } from '../../../shared/pg/client.ts';
import type { NodeMode, NodeState } from '../../../shared/ports/node-control.ts';
import { diskOf } from '../process/disk-room.ts';
import { ManagedProcess, type ProcessSpec, type ProcessState } from '../process/managed-process.ts';
import type { RegionContext } from '../region-context.ts';
import { nodeName } from '../region-paths.ts';
import { NodeOperations, type NodeOperation } from './node-operations.ts';
import { Adoption, type AdoptionState, type TakeOverTimes } from './adoption.ts';
import {
  checkStart,
  dataStateOf,
  freshRecord,
  isStandbyData,
  moveAside,
  nodeFolder,
  readRecord,
  recoveredToOf,
  writeRecord,
  type NodeFolder,
  type NodeRecord,
} from './node-folder.ts';
import { bringDataForward, bringServerForward } from './schema.ts';
import { ensurePhysicalSlot, seedFromRegion, seedStandbyOf, type OnProgress } from './seed.ts';
import {
  killServer,
  ownerTarget,
  prepareServer,
  writeAccessRules,
  writeNodeCertificates,
} from './server-process.ts';
import { setUpNode } from './setup.ts';

/** What the agent shows about a node: the operation under way besides. */
export interface AgentNodeState extends NodeState {
  readonly operation: NodeOperation | null;
  /** While `initialise` takes a database over from another server. */
  readonly adoption: AdoptionState | null;
  readonly takenOver: TakeOverTimes | null;
}

type NodeConfig = RegionConfig['nodes'][number];

const promotionBoundSeconds = 30;

export class PostgresNode {
  readonly id: NodeId;
  readonly adoption: Adoption;
  readonly #context: RegionContext;
  readonly #config: NodeConfig;
  readonly #folder: NodeFolder;
  readonly #server: ManagedProcess;
  readonly #operations: NodeOperations;
  readonly #closing = new AbortController();
  #progress: { doneBytes: number; totalBytes: number | null } | null = null;

  constructor(context: RegionContext, config: NodeConfig) {
    this.id = config.id;
    this.adoption = new Adoption(context);
    this.#context = context;
    this.#config = config;
    const name = nodeName(config.id);
    this.#folder = nodeFolder(context.paths.postgresFolder, name);
    this.#operations = new NodeOperations({
      node: config.id,
      logger: context.logger,
      onEnd: () => (this.#progress = null),
    });
    this.#server = new ManagedProcess({
      name,
      logFile: join(context.paths.logsFolder, `${name}.log`),
      pidFile: join(context.paths.runFolder, `${name}.pid`),
      stopSignal: 'SIGINT',
      stopBoundMs: 20_000,
      deathSignal: 'SIGQUIT',
      logger: context.logger,
      prepare: () => this.#prepareServer(),
    });
  }

  get server(): ProcessState {
    return this.#server.state();
  }

  state(): AgentNodeState {
    const server = this.#server.state();
    const record = this.#record();
    return {
      id: this.id,
      host: this.#context.region.host,
      port: this.#config.port,
      data: dataStateOf(this.#folder),
      process: server.phase,
      mode: server.phase === 'stopped' ? null : (record?.lastMode ?? null),
      isStandby: record === null ? null : isStandbyData(this.#folder),
      pid: server.pid,
      version: server.version,
      restarts: server.restarts,
      problem: this.#operations.problem ?? server.problem,
      progress: this.#progress,
      recoveredTo: recoveredToOf(record),
      disk: diskOf(dirname(this.#folder.folder)),
      operation: this.#operations.current,
      adoption: this.adoption.state(),
      takenOver: this.adoption.times(),
    };
  }

  /** Starts the node as it ran last, after a restart of the agent. */
  async resume(): Promise<void> {
    const record = this.#record();
    if (record === null || record.lastMode === null) return;
    // A standby that was promoted while the agent died is a server of its own.
    const wasPromoted = record.lastMode === 'standby' && !isStandbyData(this.#folder);
    if (wasPromoted) await this.#remember({ lastMode: 'normal', primary: null });
    this.#server.start();
  }

  initialise(): Promise<void> {
    return this.#operations.run('initialise', async () => {
      if (dataStateOf(this.#folder) !== 'ready') {
        await this.#server.stop();
        await (this.adoption.isWanted() ? this.#adopt() : this.#setUp());
      }
      await this.adoption.forget(this.#folder);
    });
  }

  seedRegionNode(source: { host: string; port: number }): Promise<void> {
    return this.#operations.run('seed-region-node', async () => {
      await this.#server.stop();
      const recoveredTo = await seedFromRegion(this.#context, { ...this.#seed(), source });
      await writeRecord(this.#folder, { ...freshRecord, recoveredTo: formatLsn(recoveredTo) });
    });
  }

  seedStandby(primary: NodeId): Promise<void> {
    return this.#operations.run('seed-standby', async () => {
      await this.#server.stop();
      const source = this.#placeOf(primary);
      await seedStandbyOf(this.#context, { ...this.#seed(), source });
      await writeRecord(this.#folder, { ...freshRecord, primary });
    });
  }

  start(mode: NodeMode, primary: NodeId | null): Promise<void> {
    return this.#operations.run('start', async () => {
      checkStart(this.#folder, { node: this.id, mode, primary });
      const { lastMode, primary: before } = this.#record() ?? freshRecord;
      const isSame = lastMode === mode && before === primary;
      if (isSame && this.#server.state().phase !== 'stopped') return;
      await this.#server.stop();
      await this.#remember({ lastMode: mode, primary });
      if (mode === 'standby' && primary !== null) {
        const source = this.#placeOf(primary);
        // The slot is there already, except after a change of the primary; it may be down now.
        await ensurePhysicalSlot(this.#context, { run: this.#run(), source }).catch(
          () => undefined,
        );
      }
      this.#server.start();
    });
  }

  stop(): Promise<void> {
    return this.#operations.run('stop', async () => {
      await this.#server.stop();
      if (this.#record() !== null) await this.#remember({ lastMode: null });
    });
  }

  /** Ends the server at once, whatever it does: another node takes its place. */
  giveUp(): Promise<void> {
    return this.#operations.run('stop', async () => {
      const { dataFolder } = this.#folder;
      await Promise.all([this.#server.kill(), killServer(dataFolder)]);
      await killServer(dataFolder);
      if (this.#record() !== null) await this.#remember({ lastMode: null });
    });
  }

  /** Ends recovery, once `endOthers` has seen to it that no other node of the region runs. */
  promote(endOthers: () => Promise<void>): Promise<void> {
    return this.#operations.run('promote', async () => {
      await endOthers();
      if (!isStandbyData(this.#folder)) return;
      const target = ownerTarget(this.#context, this.#config.port, 'postgres');
      await withPg(target, (client) =>
        client.query('SELECT pg_promote(true, $1)', [promotionBoundSeconds]),
      );
      if (isStandbyData(this.#folder)) throw new Error('The standby did not end its recovery.');
      await this.#remember({ lastMode: 'normal', primary: null });
      // It may have been promoted before it had what its primary was brought.
      const schema = await bringServerForward(this.#context, this.#config.port);
      await this.#remember({ schema });
    });
  }

  setAside(): Promise<void> {
    return this.#operations.run('set-aside', async () => {
      await this.#server.stop();
      if (!existsSync(this.#folder.folder)) return;
      await moveAside(this.#folder, new Date());
    });
  }

  async renewCertificates(): Promise<void> {
    if (!existsSync(this.#folder.folder)) return;
    await writeNodeCertificates(this.#context, this.#folder);
    this.#server.signal('SIGHUP');
  }

  /** Ends the server with the agent; what it did is remembered. */
  async shutDown(): Promise<void> {
    this.#closing.abort();
    await this.#operations.close();
    await this.#server.stop();
  }

  /** Whether this node runs, or would run after a restart, as a server of its own. */
  isServerOfItsOwn(): boolean {
    return this.#record()?.lastMode === 'normal';
  }

  async #prepareServer(): Promise<ProcessSpec> {
    const adopted = this.adoption.followed();
    const run = { ...this.#run(), isRecovering: false };
    const copy = { ...run, mode: 'isolated', primary: null } as const;
    if (adopted !== null) return prepareServer(this.#context, { ...copy, adopted });
    const { lastMode, primary, schema } = this.#record() ?? freshRecord;
    if (lastMode === null) throw new Error('No mode to start in.');
    if (lastMode === 'normal') {
      const seenTo = await bringDataForward(this.#context, this.#run(), schema);
      if (seenTo !== schema) await this.#remember({ schema: seenTo });
    }
    const followed = primary === null ? null : this.#placeOf(primary);
    return prepareServer(this.#context, { ...run, mode: lastMode, primary: followed });
  }

  async #setUp(): Promise<void> {
    const schema = await setUpNode(this.#context, this.#run());
    await writeRecord(this.#folder, { ...freshRecord, schema });
  }

  /** The server runs already, as nobody's node: it is opened to its own access rules. */
  async #adopt(): Promise<void> {
    await this.adoption.run(this.#seed(), this.#server, async (schema) => {
      await Promise.all([
        writeRecord(this.#folder, { ...freshRecord, lastMode: 'normal', schema }),
        writeAccessRules(this.#context, { folder: this.#folder, mode: 'normal' }),
      ]);
      this.#server.signal('SIGHUP');
    });
  }

  readonly #onProgress: OnProgress = (doneBytes, totalBytes) => {
    this.#progress = { doneBytes, totalBytes };
  };

  #run() {
    return { node: this.id, port: this.#config.port, folder: this.#folder };
  }

  #seed() {
    return { run: this.#run(), onProgress: this.#onProgress, signal: this.#closing.signal };
  }

  #record(): NodeRecord | null {
    return readRecord(this.#folder);
  }

  async #remember(change: Partial<NodeRecord>): Promise<void> {
    await writeRecord(this.#folder, { ...(this.#record() ?? freshRecord), ...change });
  }

  #placeOf(node: NodeId): { host: string; port: number } {
    const { id, bind, nodes } = this.#context.region;
    const config = nodes.find((one) => one.id === node);
    if (config !== undefined) return { host: bind, port: config.port };
    throw new MeridianError('RequestInvalid', `${node} is no node of ${id}.`);
  }
}
