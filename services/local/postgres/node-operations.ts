/** The work on one node: one operation at a time, whose problem is kept until the next begins. */
import type { NodeId } from '../../../shared/core/node.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import { sentenceOf } from './sentence.ts';

export type NodeOperation =
  'initialise' | 'seed-region-node' | 'seed-standby' | 'start' | 'stop' | 'promote' | 'set-aside';

export interface NodeOperationsOptions {
  readonly node: NodeId;
  readonly logger: Logger;
  /** When an operation has ended, well or not. */
  readonly onEnd: () => void;
}

export class NodeOperations {
  readonly #options: NodeOperationsOptions;
  #current: { readonly name: NodeOperation; readonly done: Promise<void> } | null = null;
  #isClosing = false;
  problem: string | null = null;

  constructor(options: NodeOperationsOptions) {
    this.#options = options;
  }

  get current(): NodeOperation | null {
    return this.#current?.name ?? null;
  }

  /** Asking for the one under way again waits for it. Throws while another one is. */
  run(name: NodeOperation, work: () => Promise<void>): Promise<void> {
    const { node, logger, onEnd } = this.#options;
    if (this.#current?.name === name) return this.#current.done;
    if (this.#current !== null) {
      const message = `${node} is busy: ${this.#current.name}.`;
      throw new MeridianError('OperationRunning', message, { node });
    }
    if (this.#isClosing) throw new MeridianError('Draining', 'The agent is stopping.', { node });
    this.problem = null;
    const done = work()
      .catch((error: unknown) => {
        this.problem = `${name}: ${sentenceOf(error)}`;
        logger.warn({ node, operation: name, err: error }, 'operation failed');
        throw error;
      })
      .finally(() => {
        this.#current = null;
        onEnd();
      });
    this.#current = { name, done };
    return done;
  }

  /** Begins no more, and waits for the one under way. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#current?.done.catch(() => undefined);
  }
}
