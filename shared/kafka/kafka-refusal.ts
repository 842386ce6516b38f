/** TLS of Kafka's clients, and which of their failures are refusals: certificates, access rules. */
import type { ConnectionOptions } from 'node:tls';
import { MeridianError } from '../errors/meridian-error.ts';
import { clientTls, refusalOf, refuse } from '../runtime/link-security.ts';

/** Options of `@platformatic/kafka`; each broker must show the certificate of its own region. */
export function kafkaTls(): { readonly tls?: ConnectionOptions; readonly tlsServerName?: true } {
  const tls = clientTls('kafka', null, 'broker');
  return tls === null ? {} : { tls, tlsServerName: true };
}

/** `error` as a counted refusal when a certificate or an access rule was the reason, else null. */
export function kafkaRefusal(error: unknown): MeridianError | null {
  for (const at of causesOf(error, 0)) {
    const { type, apiId } = at as { readonly type?: unknown; readonly apiId?: unknown };
    if (/_AUTHORIZATION_FAILED$/.test(String(type ?? apiId))) {
      return refuse('kafka', 'not-allowed', {
        message: 'The broker does not allow this.',
        cause: error,
      });
    }
    const refusal = refusalOf('kafka', at);
    if (refusal !== at && refusal instanceof MeridianError) return refusal;
  }
  return null;
}

function causesOf(error: unknown, depth: number): object[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { cause, originalError, errors } = error as {
    readonly cause?: unknown;
    readonly originalError?: unknown;
    readonly errors?: unknown;
  };
  const inner = [...(Array.isArray(errors) ? (errors as unknown[]) : []), cause, originalError];
  return [error, ...inner.flatMap((one) => causesOf(one, depth + 1))];
}
