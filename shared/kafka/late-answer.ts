/** No answer within the bound: unlike a refusal, it says that the broker may be silent for good. */
export class LateAnswer extends Error {
  /** `what` was asked for, e.g. `an append`; `ms`, if given, was the bound. */
  constructor(what: string, ms?: number) {
    super(`kafka did not answer ${what} ${ms === undefined ? 'in time' : `within ${ms} ms`}`);
  }
}
