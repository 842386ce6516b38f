/** Which failures of Kafka's clients are refusals: certificates, access rules. */
import { MeridianError } from '../errors/meridian-error.ts';
import { refusalOf, refuse } from '../runtime/link-security.ts';

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
