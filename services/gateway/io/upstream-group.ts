/** The instances of one upstream group, the choice among them, and their active checks. */
import { connect } from 'node:net';
import { Agent, request } from 'undici';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { GroupConfig } from '../config.ts';
import { nextCheckMs } from '../core/health-threshold.ts';
import { createChooser, eligible, usabilityOf, type Chooser } from '../core/upstream-choice.ts';
import { UpstreamInstance, type InstanceTarget } from './upstream-instance.ts';

export interface GroupContext {
  readonly name: string;
  readonly config: GroupConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly zone: string | null;
}

/** A suspected instance is looked at again this soon. */
const recheckMs = 250;

export class UpstreamGroup {
  readonly name: string;
  readonly config: GroupConfig;
  readonly instances: UpstreamInstance[];
  readonly #context: GroupContext;
  readonly #chooser: Chooser;
  readonly #checker = new Agent({ connections: 1, pipelining: 1, allowH2: false });
  readonly #stop = new AbortController();
  readonly #wake = new Map<string, AbortController>();

  constructor(context: GroupContext, targets: readonly InstanceTarget[]) {
    this.name = context.name;
    this.config = context.config;
    this.#context = context;
    this.#chooser = createChooser(context.config.algorithm);
    this.instances = targets.map((target) => new UpstreamInstance(target, context.config));
  }

  /** Begins the active checks. */
  start(): void {
    if (this.config.activeCheck.kind === 'none') return;
    for (const instance of this.instances) void this.#checkForEver(instance);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([
      this.#checker.destroy(),
      ...this.instances.map(({ client }) => client.destroy()),
    ]);
  }

  /** Whether anything here may take a request. */
  isUsable(): boolean {
    this.#setTime();
    return this.instances.some((instance) => usabilityOf(instance) === 'usable');
  }

  /** An instance for a request, other than those `tried` if there is another; null: none at all. */
  choose(
    tried: ReadonlySet<string>,
    key: string,
  ): { readonly instance: UpstreamInstance; readonly isPanic: boolean } | null {
    this.#setTime();
    const { instances, isPanic } = eligible(this.instances, tried, this.#context.zone);
    const draw = { first: Math.random(), second: Math.random(), key };
    const index = instances.length === 0 ? 0 : this.#chooser.choose(instances, draw);
    const instance = instances[index];
    return instance === undefined ? null : { instance, isPanic };
  }

  /** The outcome of a request at `instance`. */
  record(instance: UpstreamInstance, ok: boolean, headMs: number | null): void {
    const ms = this.#context.clock.monotonicMs();
    const ejected = this.instances.filter(({ isEjected }) => isEjected).length;
    const mayEject =
      ejected + 1 <= this.instances.length * this.config.passiveCheck.ejectedShareMax;
    if (instance.recordOutcome(ok, headMs, { ms, mayEject })) {
      this.#context.logger.warn({ group: this.name, upstream: instance.id }, 'upstream ejected');
    }
    if (!ok) this.#wake.get(instance.id)?.abort();
  }

  #setTime(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const instance of this.instances) instance.nowMs = nowMs;
  }

  async #checkForEver(instance: UpstreamInstance): Promise<void> {
    const { activeCheck } = this.config;
    while (!this.#stop.signal.aborted) {
      const wasUp = instance.isUp;
      const ok = await this.#check(instance);
      if (this.#stop.signal.aborted) return;
      instance.recordCheck(ok, this.#context.clock.monotonicMs());
      if (instance.isUp !== wasUp) {
        const facts = { group: this.name, upstream: instance.id };
        this.#context.logger.warn(facts, instance.isUp ? 'upstream is up' : 'upstream is down');
      }
      const wake = new AbortController();
      this.#wake.set(instance.id, wake);
      const pauseMs = nextCheckMs(instance.health, activeCheck.intervalMs, recheckMs);
      await sleep(pauseMs, AbortSignal.any([wake.signal, this.#stop.signal]));
    }
  }

  async #check(instance: UpstreamInstance): Promise<boolean> {
    const { kind, path, timeoutMs } = this.config.activeCheck;
    if (kind === 'tcp') return canConnect(instance.id, timeoutMs);
    try {
      const reply = await request(new URL(path, instance.id), {
        dispatcher: this.#checker,
        headers: { 'user-agent': 'meridian-health-check' },
        signal: AbortSignal.timeout(timeoutMs),
      });
      await reply.body.dump({ limit: 65_536 });
      return reply.statusCode < 500;
    } catch {
      return false;
    }
  }
}

function canConnect(origin: string, timeoutMs: number): Promise<boolean> {
  const { hostname, port, protocol } = new URL(origin);
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: number, timeout: timeoutMs });
    const finish = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.on('connect', () => finish(true));
    socket.on('timeout', () => finish(false));
    socket.on('error', () => finish(false));
  });
}
