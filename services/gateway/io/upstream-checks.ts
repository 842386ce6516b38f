/**
 * Active checks of a group's instances, and the look at instances that have gone silent: one that
 * has requests waiting, has not answered for a while and fails a short check is frozen; its
 * waiting requests are given back so that they can go elsewhere, as far as the retry budget goes;
 * the rest waits on: the instance may thaw.
 */
import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { nextCheckMs } from '../core/health-threshold.ts';
import { connectorOf, lookUpSafely } from './upstream-client.ts';
import type { GroupContext } from './upstream-group.ts';
import type { UpstreamInstance } from './upstream-instance.ts';

/** A suspected instance is looked at again this soon. */
const recheckMs = 250;
const stallLookMs = 50;
/** A look that comes this late says that the gateway itself had no processor time. */
const lateMs = 150;

/** The instance does not answer; what it was given can be tried elsewhere. */
export class UpstreamStalled extends Error {
  override readonly name = 'UpstreamStalled';
}

interface Watch {
  readonly stop: AbortController;
  wake: AbortController;
  isAsked: boolean;
}

export class UpstreamChecks {
  readonly #context: GroupContext;
  readonly #mayEject: (instance: UpstreamInstance) => boolean;
  readonly #agent: Agent;
  readonly #watches = new Map<UpstreamInstance, Watch>();
  #timer: NodeJS.Timeout | null = null;
  #lookedAtMs: number;
  /** When a look was last late: silence before it may have been the gateway's own. */
  #lateAtMs = -Infinity;

  constructor(context: GroupContext, mayEject: (instance: UpstreamInstance) => boolean) {
    this.#context = context;
    this.#mayEject = mayEject;
    this.#lookedAtMs = context.clock.monotonicMs();
    const connect = connectorOf({ connectMs: context.config.activeCheck.timeoutMs, tls: null });
    this.#agent = new Agent({ connections: 2, pipelining: 1, allowH2: false, connect });
  }

  /** Begins to check `instance`, at once and then in intervals. */
  watch(instance: UpstreamInstance): void {
    if (this.#context.config.activeCheck.kind === 'none') return;
    const watch = { stop: new AbortController(), wake: new AbortController(), isAsked: false };
    this.#watches.set(instance, watch);
    this.#timer ??= setInterval(() => this.#lookForStalls(), stallLookMs).unref();
    this.#checkForEver(instance, watch).catch((error: unknown) => {
      this.#context.logger.error({ why: messageOf(error) }, 'checks ended');
    });
  }

  forget(instance: UpstreamInstance): void {
    this.#watches.get(instance)?.stop.abort();
    this.#watches.delete(instance);
  }

  /** A real request has failed there: the next check is due now. */
  hurry(instance: UpstreamInstance): void {
    this.#watches.get(instance)?.wake.abort();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const instance of [...this.#watches.keys()]) this.forget(instance);
    await this.#agent.destroy();
  }

  async #checkForEver(instance: UpstreamInstance, watch: Watch): Promise<void> {
    const { config, clock, logger, name } = this.#context;
    const { intervalMs, timeoutMs } = config.activeCheck;
    while (!watch.stop.signal.aborted) {
      const wasUp = instance.isUp;
      const ok = await this.#check(instance, timeoutMs);
      if (watch.stop.signal.aborted) return;
      instance.recordCheck(ok, clock.monotonicMs());
      if (instance.isUp !== wasUp) {
        const facts = { group: name, upstream: instance.id };
        logger.warn(facts, instance.isUp ? 'upstream is up' : 'upstream is down');
      }
      watch.wake = new AbortController();
      const pauseMs = nextCheckMs(instance.health, { intervalMs, recheckMs });
      await pause(pauseMs, watch);
    }
  }

  #lookForStalls(): void {
    const nowMs = this.#context.clock.monotonicMs();
    const { stallMs } = this.#context.config.passiveCheck;
    if (nowMs - this.#lookedAtMs > lateMs) this.#lateAtMs = nowMs;
    this.#lookedAtMs = nowMs;
    for (const [instance, watch] of this.#watches) {
      const [oldest] = instance.waiting;
      if (oldest === undefined || watch.isAsked) continue;
      const sinceMs = Math.max(oldest.sentMs, instance.lastReplyMs, this.#lateAtMs);
      if (nowMs - sinceMs < stallMs) continue;
      watch.isAsked = true;
      void this.#askWhetherAlive(instance, watch);
    }
  }

  async #askWhetherAlive(instance: UpstreamInstance, watch: Watch): Promise<void> {
    const { stallMs } = this.#context.config.passiveCheck;
    const askedMs = this.#context.clock.monotonicMs();
    const isAlive = await this.#check(instance, stallMs);
    watch.isAsked = false;
    const nowMs = this.#context.clock.monotonicMs();
    if (isAlive) {
      // It is slow, not dead: it is asked again after another silence of that length.
      instance.lastReplyMs = nowMs;
      return;
    }
    if (Math.max(instance.lastReplyMs, this.#lateAtMs) > askedMs) return;
    if (watch.stop.signal.aborted || !this.#mayEject(instance)) return;
    instance.eject(nowMs);
    const facts = { group: this.#context.name, upstream: instance.id };
    this.#context.logger.warn({ ...facts, waiting: instance.waiting.size }, 'upstream stalled');
    const reason = new UpstreamStalled('The upstream has stopped answering.');
    for (const waiting of [...instance.waiting]) {
      if (waiting.canRepeat && this.#context.mayRetry()) waiting.abort(reason);
    }
    watch.wake.abort();
  }

  async #check(instance: UpstreamInstance, timeoutMs: number): Promise<boolean> {
    const { kind, path } = this.#context.config.activeCheck;
    if (kind === 'tcp') return canConnect(instance.id, timeoutMs);
    const { host } = instance.target;
    try {
      const reply = await request(new URL(path, instance.id), {
        dispatcher: this.#agent,
        headers: { 'user-agent': 'meridian-health-check', ...(host === null ? {} : { host }) },
        signal: AbortSignal.timeout(timeoutMs),
      });
      await reply.body.dump({ limit: 65_536 });
      return reply.statusCode < 500;
    } catch {
      return false;
    }
  }
}

function pause(ms: number, watch: Watch): Promise<void> {
  return sleep(ms, AbortSignal.any([watch.wake.signal, watch.stop.signal]));
}

function canConnect(origin: string, timeoutMs: number): Promise<boolean> {
  const { hostname, port, protocol } = new URL(origin);
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return new Promise((resolve) => {
    const to = { host: hostname, port: number, timeout: timeoutMs };
    const socket = connect({ ...to, lookup: lookUpSafely });
    const finish = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.on('connect', () => finish(true));
    socket.on('timeout', () => finish(false));
    socket.on('error', () => finish(false));
  });
}
