/** The part of Node's EventEmitter that applications use on a pool: on, once, off, emit. */

export type Listener = (...values: readonly never[]) => void;

export class Listeners {
  readonly #byEvent = new Map<string, { listener: Listener; isOnce: boolean }[]>();

  on(event: string, listener: Listener): this {
    return this.#add(event, listener, false);
  }

  once(event: string, listener: Listener): this {
    return this.#add(event, listener, true);
  }

  off(event: string, listener: Listener): this {
    const all = this.#byEvent.get(event) ?? [];
    this.#byEvent.set(
      event,
      all.filter((one) => one.listener !== listener),
    );
    return this;
  }

  /** Whether anybody listened. */
  emit(event: string, ...values: readonly unknown[]): boolean {
    const all = this.#byEvent.get(event) ?? [];
    this.#byEvent.set(
      event,
      all.filter(({ isOnce }) => !isOnce),
    );
    for (const { listener } of all) listener(...(values as readonly never[]));
    return all.length > 0;
  }

  #add(event: string, listener: Listener, isOnce: boolean): this {
    this.#byEvent.set(event, [...(this.#byEvent.get(event) ?? []), { listener, isOnce }]);
    return this;
  }
}
