/** Requests to the listeners of a cluster, by a client that knows its authority in mode tls. */
import http from 'node:http';
import https from 'node:https';
import { Agent, fetch } from 'undici';

export class ListenerClient {
  readonly scheme: 'http' | 'https';
  readonly #agent: Agent;
  readonly #authority: string | null;

  /** `authority`: PEM of the cluster's own; null in mode plain. */
  constructor(authority: string | null) {
    this.scheme = authority === null ? 'http' : 'https';
    this.#authority = authority;
    this.#agent = new Agent(authority === null ? {} : { connect: { ca: authority } });
  }

  /** As the global one; may be handed on. */
  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const options = { ...init, dispatcher: this.#agent } as Parameters<typeof fetch>[1];
    const reply: unknown = await fetch(url, options);
    return reply as Response;
  };

  /** An agent for `node:http` or `node:https`, whichever the listeners speak. */
  nodeAgent(options: http.AgentOptions): http.Agent {
    if (this.#authority === null) return new http.Agent(options);
    return new https.Agent({ ...options, ca: this.#authority });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}
