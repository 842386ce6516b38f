/** Several streams as one. */

/**
 * What `streams` yield, in the order in which it comes; each is asked for more only after what it
 * yielded was taken. Ends when all have ended or one fails; does not end the streams themselves.
 */
export async function* merged<T>(streams: readonly AsyncIterator<T>[]): AsyncGenerator<T> {
  const pending = new Map<AsyncIterator<T>, Promise<Arrived<T>>>();
  const ask = (stream: AsyncIterator<T>): void => {
    const arrival = stream.next().then((result) => ({ stream, result }));
    // One that fails while nobody waits any more is nobody's concern.
    arrival.catch(() => undefined);
    pending.set(stream, arrival);
  };
  for (const stream of streams) ask(stream);
  while (pending.size > 0) {
    const { stream, result } = await Promise.race(pending.values());
    pending.delete(stream);
    if (result.done === true) continue;
    yield result.value;
    ask(stream);
  }
}

interface Arrived<T> {
  readonly stream: AsyncIterator<T>;
  readonly result: IteratorResult<T, unknown>;
}
