/**
 * Health check of a container: exits 0 when the URL answers at all and does not say 5xx. A
 * listener that asks for credentials is alive.
 *
 *   node infra/docker/health.mjs <url>
 */
const [url = ''] = process.argv.slice(2);
try {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2500) });
  await reply.arrayBuffer();
  process.exitCode = reply.status < 500 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
