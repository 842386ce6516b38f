/** Waiting for a condition with a deadline: the only way that tests wait. */

/** Asks `probe` until it answers something truthy, and returns that; throws after the deadline. */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  { deadlineMs = 10_000, intervalMs = 50 }: { deadlineMs?: number; intervalMs?: number } = {},
): Promise<NonNullable<T>> {
  const startedAt = performance.now();
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() - startedAt > deadlineMs) {
      throw new Error(`not reached within ${deadlineMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
