/** What scenarios do to a running cluster; each act is noted with its time. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { DirectionChange } from '../../../services/local/wan/wan-direction.ts';
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

export interface Act {
  readonly atMs: number;
  readonly what: string;
}

export interface RegionsView {
  readonly epoch: number;
  readonly primary: string;
  readonly members: readonly string[];
  /** The change of primary under way. */
  readonly change: { readonly seals: readonly unknown[] } | null;
  readonly items: readonly {
    readonly id: string;
    readonly role: string;
    readonly why: string;
    readonly health: string;
    readonly nodes: readonly { readonly id: string; readonly healthy: boolean }[];
  }[];
}

const settleMs = 120_000;

export class Nemesis {
  readonly cluster: TestCluster;
  readonly acts: Act[] = [];
  readonly random: () => number;

  constructor(cluster: TestCluster, random: () => number) {
    this.cluster = cluster;
    this.random = random;
  }

  note(what: string): void {
    this.acts.push({ atMs: performance.now(), what });
  }

  get regions(): readonly string[] {
    return this.cluster.regionIds;
  }

  /** What a region says of all; the one with the newest epoch when several answer. */
  async view(): Promise<RegionsView> {
    const answers = await Promise.allSettled(
      this.regions.map((id) => this.cluster.admin(id, '/admin/regions')),
    );
    const views = answers.flatMap((answer) =>
      answer.status === 'fulfilled' && answer.value['httpStatus'] === 200
        ? [answer.value as unknown as RegionsView]
        : [],
    );
    const newest = views.toSorted((a, b) => b.epoch - a.epoch)[0];
    if (newest === undefined) throw new Error('no region answers');
    return newest;
  }

  async primary(): Promise<string> {
    return (await this.view()).primary;
  }

  /** The regions that are not `region`. */
  others(region: string): string[] {
    return this.regions.filter((id) => id !== region);
  }

  async killRegion(region: string): Promise<void> {
    this.note(`kill every process of ${region}`);
    await this.cluster.killRegion(region);
  }

  /** Starts whatever was killed; resolves when every region can serve again. */
  async restart(): Promise<void> {
    this.note('start what is down');
    await this.cluster.up();
    this.note('every region can serve');
  }

  async kill(region: string, name: string): Promise<void> {
    await this.signal(region, name, 'SIGKILL');
  }

  async signal(region: string, name: string, signal: NodeJS.Signals): Promise<void> {
    this.note(`${signal} to ${name} of ${region}`);
    await this.cluster.signal(region, name, signal);
  }

  /** Stops a region in order. */
  async stop(region: string): Promise<void> {
    this.note(`stop ${region}`);
    await this.cluster.stopRegion(region);
  }

  /** Asks for a planned change of primary: its operation; throws when it is refused. */
  async switchover(
    from: string,
    { to, through = to }: { readonly to: string; readonly through?: string },
  ): Promise<string> {
    this.note(`switchover from ${from} to ${to}, asked in ${through}`);
    const asked = await this.cluster.admin(through, `/admin/regions/${from}/failover`, { to });
    if (asked['httpStatus'] !== 202) throw new Error(JSON.stringify(asked));
    return String(asked['id']);
  }

  /** The PostgreSQL process of `region` that is no standby, e.g. `pg-1`. */
  async leadingNode(region: string): Promise<string> {
    const { nodes } = await this.cluster.agentState(region);
    const leading = nodes.find(({ mode }) => mode === 'normal');
    if (leading === undefined) throw new Error(`${region} has no node in mode normal`);
    return leading.id.split('/')[1] ?? '';
  }

  /** Resolves once every standby follows: what a lost node alone held is listed before it does. */
  async standbysFollow(): Promise<void> {
    await eventually(
      async () => {
        const view = await this.view().catch(() => null);
        return view?.items.every(({ nodes }) => nodes.every(({ healthy }) => healthy)) ?? false;
      },
      { deadlineMs: settleMs, intervalMs: 200 },
    );
  }

  /** Resolves when every region serves and every region but the primary is a member. */
  async settled(): Promise<void> {
    let last = '';
    await eventually(
      async () => {
        const view = await this.view().catch(() => null);
        last = JSON.stringify(view);
        const isHealthy = view?.items.every(({ health }) => health === 'healthy') ?? false;
        return isHealthy && view?.members.length === this.regions.length - 1;
      },
      { deadlineMs: settleMs, intervalMs: 200 },
    ).catch(() => {
      throw new Error(`the regions do not settle: ${last}`);
    });
  }

  /** Stops processes for `ms` as SIGSTOP does, then lets them go on. */
  async freeze(region: string, names: readonly string[], ms: number): Promise<void> {
    const { processes } = await this.cluster.agentState(region);
    const named = processes.flatMap(({ name, pid }) =>
      pid !== null && names.includes(name) ? [pid] : [],
    );
    this.note(`freeze ${names.join(', ')} of ${region} for ${ms} ms`);
    const frozen: number[] = [];
    try {
      for (const pid of named) {
        process.kill(pid, 'SIGSTOP');
        frozen.push(pid);
        // Listed once the parent is stopped: it starts no more. A session may end meanwhile.
        frozen.push(...childrenOf(pid).filter((child) => signalled(child, 'SIGSTOP')));
      }
      await this.wait(ms);
    } finally {
      for (const pid of frozen) signalled(pid, 'SIGCONT');
      this.note(`thaw ${region}`);
    }
  }

  /**
   * Lets no process of `name` write beyond `bytes` of any file: it is told so as by a disk that
   * fails. A process that is started later is free of it.
   */
  async limitFiles(region: string, name: string, bytes: number): Promise<void> {
    const { processes } = await this.cluster.agentState(region);
    const pid = processes.find((one) => one.name === name)?.pid ?? null;
    if (pid === null) throw new Error(`${region} runs no ${name}`);
    this.note(`${name} of ${region} may write no file beyond ${bytes} bytes`);
    for (const one of [pid, ...childrenOf(pid)]) {
      spawnSync('prlimit', ['--pid', String(one), `--fsize=${bytes}`]);
    }
  }

  async wan(from: string, to: string, change: DirectionChange): Promise<void> {
    this.note(`${change.action} ${from} → ${to}`);
    await this.cluster.wan(from, to, change);
  }

  /** Changes both directions of each pair. */
  async between(a: string, others: readonly string[], change: DirectionChange): Promise<void> {
    for (const b of others) {
      await this.wan(a, b, change);
      await this.wan(b, a, change);
    }
  }

  /** Changes every direction of every line. */
  async everywhere(change: DirectionChange): Promise<void> {
    for (const from of this.regions) {
      for (const to of this.others(from)) await this.wan(from, to, change);
    }
  }

  heal(): Promise<void> {
    return this.everywhere({ action: 'heal' });
  }

  /** How long a fault lasts is part of the scenario. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Resolves when a newer epoch than `epoch` has its primary. */
  async promoted(epoch: number): Promise<RegionsView> {
    const view = await eventually(
      async () => {
        const now = await this.view().catch(() => null);
        return now !== null && now.epoch > epoch ? now : null;
      },
      { deadlineMs: 60_000, intervalMs: 100 },
    );
    this.note(`${view.primary} is primary of epoch ${view.epoch}`);
    return view;
  }
}

/** Whether there was such a process. */
function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The processes that `pid` has started, for instance PostgreSQL's backends. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
