/** Puts a reply together: its position is never below the token that came with the request. */
import type { NodeId } from '../../../shared/core/node.ts';
import { laterPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { DataReply, DataRequest, RowStream } from '../../../shared/ports/data-access.ts';
import type { ReplyPosition } from './primary-position.ts';

export interface ServedWork {
  readonly results: DataReply['results'];
  readonly region: RegionId;
  readonly node: NodeId;
  readonly position: ReplyPosition;
  readonly stalenessMs: number | null;
  readonly rest: RowStream | null;
}

/** The reply to a read; a write adds what it reached. */
export function dataReply(request: DataRequest, served: ServedWork): DataReply {
  const own = served.position;
  const isOwnLater =
    own.position !== null &&
    (request.token === null || laterPosition(own.position, request.token) === own.position);
  return {
    results: served.results,
    position: isOwnLater ? own.position : request.token,
    isUpperBound: isOwnLater ? own.isUpperBound : request.isTokenUpperBound,
    servedBy: served.node,
    region: served.region,
    stalenessMs: served.stalenessMs,
    consistency: request.consistency.level,
    durability: null,
    ...(served.rest === null ? {} : { rest: served.rest }),
  };
}
