/**
 * One bounded mailbox around the pure `step`: everything that happens is posted as an input, the
 * effects run lane by lane, and their outcome is an input again. It decides nothing.
 */
import { randomUUID } from 'node:crypto';
import { assert, InvariantBroken } from '../../../shared/core/assert.ts';
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import {
  isMeridianError,
  MeridianError,
  messageOf,
} from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import { Mailbox } from '../../../shared/runtime/mailbox.ts';
import { step } from '../core/controller.ts';
import type { ControllerConfig } from '../core/controller-config.ts';
import { laneOf, type Effect, type Lane, type OperatorAnswer } from '../core/controller-effect.ts';
import type { Checkpoint, EffectResult, Input, OperatorRequest } from '../core/controller-input.ts';
import { initialControllerState, type ControllerState } from '../core/controller-state.ts';
import type { OutsideEffect } from './effect-runner.ts';

export type InputBody = Input extends infer One
  ? One extends Input
    ? Omit<One, 'nowMs'>
    : never
  : never;

export interface ControllerLoopOptions {
  readonly config: ControllerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly performOutside: (effect: OutsideEffect) => Promise<EffectResult>;
  readonly findCheckpoint: () => Promise<Checkpoint | null>;
  /** Begins to read the control log and returns at once. */
  readonly readControl: (from: LogOffset) => void;
  /** Asks the region's parts again after an effect on them. */
  readonly afterEffect: (lane: Lane) => void;
  /** What is shown in the published view besides what the core decided. */
  readonly decorate: (view: ClusterView) => ClusterView;
  readonly onHalt: (why: string) => void;
}

const mailboxCapacity = 10_000;
/** Beyond this, inputs that come again by themselves are left out. */
const repeatingCapacity = 500;
const laneCapacity = 200;
const answerBoundMs = 5000;

export class ControllerLoop implements RegionControl {
  readonly #options: ControllerLoopOptions;
  readonly #mailbox: Mailbox<Input>;
  readonly #lanes = new Map<string, Mailbox<Effect>>();
  readonly #listeners = new Set<(view: ClusterView) => void>();
  readonly #asked = new Map<string, (answer: OperatorAnswer) => void>();
  #state: ControllerState;
  #view: ClusterView;

  constructor(options: ControllerLoopOptions, firstView: ClusterView) {
    this.#options = options;
    this.#state = initialControllerState(options.config);
    this.#view = freeze(options.decorate(firstView));
    this.#mailbox = new Mailbox({
      capacity: mailboxCapacity,
      handle: (input) => this.#handle(input),
      onFailure: rethrow,
    });
  }

  state(): ControllerState {
    return this.#state;
  }

  view(): ClusterView {
    return this.#view;
  }

  onChange(listener: (view: ClusterView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Posts what happened; it must not be lost. */
  post(body: InputBody): void {
    const isPosted = this.#mailbox.post(this.#stamped(body));
    assert(isPosted || this.#isClosed, 'the mailbox of the controller is full');
  }

  /** Posts what will be said again by itself; false, and left out, while the mailbox is long. */
  offer(body: InputBody): boolean {
    if (this.#mailbox.size >= repeatingCapacity) return false;
    return this.#mailbox.post(this.#stamped(body));
  }

  /** The controller's answer to a person's request. */
  ask(request: OperatorRequest): Promise<OperatorAnswer> {
    const requestId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#asked.delete(requestId);
        reject(
          new MeridianError('DeadlineExceeded', 'The controller did not answer in time.', {
            hint: 'What was asked may still happen: look at /admin/audit before asking again.',
          }),
        );
      }, answerBoundMs);
      this.#asked.set(requestId, (answer) => {
        clearTimeout(timer);
        this.#asked.delete(requestId);
        resolve(answer);
      });
      this.post({ kind: 'operatorAsked', requestId, request });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#mailbox.close();
  }

  #isClosed = false;

  #stamped(body: InputBody): Input {
    return { ...body, nowMs: this.#options.clock.monotonicMs() };
  }

  #handle(input: Input): void {
    const { state, effects } = step(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#dispatch(effect);
  }

  #dispatch(effect: Effect): void {
    switch (effect.kind) {
      case 'publishView':
        this.#publish(effect.view);
        return;
      case 'explain':
        this.#options.logger[effect.level](effect.facts, effect.message);
        return;
      case 'answerOperator':
        this.#asked.get(effect.requestId)?.(effect.answer);
        return;
      case 'halt':
        this.#options.onHalt(effect.why);
        return;
      default: {
        const lane = laneOf[effect.kind];
        const queue = this.#queueOf(lane, queueNameOf(effect, lane));
        assert(queue.post(effect), `the lane ${lane} of the controller is full`);
      }
    }
  }

  /** Effects that wait when the process ends are dropped: the core asks again after a start. */
  #queueOf(lane: Lane, name: string): Mailbox<Effect> {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const made = new Mailbox<Effect>({
      capacity: laneCapacity,
      handle: (effect) => this.#perform(effect, lane),
      onFailure: rethrow,
    });
    this.#lanes.set(name, made);
    return made;
  }

  async #perform(effect: Effect, lane: Lane): Promise<void> {
    if (this.#isClosed) return;
    const { id } = effect;
    const startedAtMs = this.#options.clock.monotonicMs();
    const durationMs = (): number => Math.round(this.#options.clock.monotonicMs() - startedAtMs);
    try {
      const result = await this.#outcomeOf(effect);
      this.#options.logger.debug({ effect: effect.kind, durationMs: durationMs() }, 'effect done');
      this.post({ kind: 'effectFinished', id, result });
    } catch (error) {
      if (error instanceof InvariantBroken) throw error;
      const why = reasonOf(error);
      const facts = { effect: effect.kind, durationMs: durationMs(), why };
      this.#options.logger.debug(facts, 'effect failed');
      this.post({ kind: 'effectFailed', id, why });
    }
    this.#options.afterEffect(lane);
  }

  async #outcomeOf(effect: Effect): Promise<EffectResult> {
    switch (effect.kind) {
      case 'findCheckpoint':
        this.post(await this.#findCheckpoint());
        return { kind: 'none' };
      case 'readControl':
        this.#options.readControl(effect.from);
        return { kind: 'none' };
      case 'publishView':
      case 'explain':
      case 'answerOperator':
      case 'halt':
        return { kind: 'none' };
      default:
        return this.#options.performOutside(effect);
    }
  }

  async #findCheckpoint(): Promise<InputBody> {
    try {
      return { kind: 'checkpointFound', checkpoint: await this.#options.findCheckpoint() };
    } catch (error) {
      if (!isMeridianError(error, 'ProtocolViolation')) throw error;
      return { kind: 'controlLogUnreadable', why: error.message };
    }
  }

  #publish(view: ClusterView): void {
    const version = Math.max(view.version, this.#view.version + 1);
    this.#view = freeze({ ...this.#options.decorate(view), version });
    for (const listener of this.#listeners) listener(this.#view);
  }
}

/**
 * Renewals, which come all the time, and members, which follow a seal, wait for no other record:
 * each have a connection of their own.
 */
function queueNameOf(effect: Effect, lane: Lane): string {
  const record = effect.kind === 'appendControl' ? effect.record.kind : '';
  return record === 'renew' || record === 'member' ? record : lane;
}

/** What went wrong and, when it is known, why: the core explains both. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : null;
  return cause === null ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`;
}

/** Nobody may change what everybody sees. */
function freeze(view: ClusterView): ClusterView {
  return Object.freeze(view);
}

/** Ends the process by the handler of uncaught errors: the lease lapses and others take over. */
function rethrow(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
