/**
 * Health check of a container: exits 0 when the URL answers at all and does not say 5xx. A
 * listener that asks for credentials is alive. It asks the own container and tells it nothing, so
 * it looks at no certificate.
 *
 *   node infra/docker/health.mjs <url>
 */
import { request } from 'node:https';

const [url = ''] = process.argv.slice(2);
const signal = AbortSignal.timeout(2500);
request(url, { rejectUnauthorized: false, signal })
  .on('response', (reply) => process.exit((reply.statusCode ?? 500) < 500 ? 0 : 1))
  .on('error', () => process.exit(1))
  .end();
