/** Whether one broker answers now: one that is frozen accepts connections and says nothing. */
import { metadataV12 } from '@platformatic/kafka';
import { withDeadline } from '../runtime/sleep.ts';
import type { Clock } from '../ports/clock.ts';
import { BrokerLine } from './broker-line.ts';
import { LateAnswer } from './late-answer.ts';

export interface BrokerQuestion {
  /** `host:port`. */
  readonly address: string;
  readonly clientId: string;
  readonly clock: Clock;
}

const boundMs = 1000;

/** Never rejects. */
export async function answersNow({ address, clientId, clock }: BrokerQuestion): Promise<boolean> {
  const bounds = { connectTimeoutMs: boundMs, requestTimeoutMs: boundMs };
  const line = new BrokerLine(address, { clientId, clock, ...bounds });
  try {
    const connection = await line.open();
    if (connection === null) return false;
    const asked = metadataV12.api.async(connection, [], false, false);
    asked.catch(() => undefined);
    await withDeadline(asked, boundMs, () => new LateAnswer('a request', boundMs));
    return true;
  } catch {
    return false;
  } finally {
    line.close();
  }
}
