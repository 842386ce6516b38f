/** Names and labels of all metrics: one file, labels with few values. */
import type { MetricName } from './metrics.ts';

const names = <const T extends Record<string, MetricName>>(table: T): T => table;

export const metricNames = names({
  requests: {
    name: 'meridian_requests_total',
    help: 'Requests by service, kind and outcome (ok or an error code).',
    labels: ['service', 'kind', 'outcome'],
  },
  refusals: {
    name: 'meridian_refusals_total',
    help: 'What was refused for lack of the right credentials, by link and reason.',
    labels: ['link', 'why'],
  },
  requestSeconds: {
    name: 'meridian_request_seconds',
    help: 'Duration of requests by service and kind.',
    labels: ['service', 'kind'],
  },
  epoch: { name: 'meridian_epoch', help: 'Epoch that this region has folded.', labels: [] },
  isPrimary: {
    name: 'meridian_is_primary',
    help: '1 while this region is open as primary.',
    labels: [],
  },
  leaseRemainingMs: {
    name: 'meridian_lease_remaining_milliseconds',
    help: 'Milliseconds that the own lease is still valid.',
    labels: [],
  },
  lagMs: {
    name: 'meridian_lag_milliseconds',
    help: 'How far this region is behind the primary, proven.',
    labels: [],
  },
  memberChanges: {
    name: 'meridian_member_changes_total',
    help: 'Members added and removed, K lowered (degraded) and restored, as read in this region.',
    labels: ['change'],
  },
  confirmations: {
    name: 'meridian_confirmations',
    help: 'Regions that a semi-sync COMMIT waits for: now (in force), and by policy.',
    labels: ['of'],
  },
  appliedTransactions: {
    name: 'meridian_applied_transactions_total',
    help: 'Transactions applied in this region.',
    labels: [],
  },
  decodedTransactions: {
    name: 'meridian_decoded_transactions_total',
    help: 'Transactions read from logical decoding.',
    labels: [],
  },
  dataLogBytes: {
    name: 'meridian_data_log_bytes',
    help: "Bytes of this region's data log: held now, and the limit.",
    labels: ['of'],
  },
  slotWalBytes: {
    name: 'meridian_slot_wal_bytes',
    help: 'Bytes of WAL that a replication slot of the own node keeps.',
    labels: ['slot'],
  },
  nodeDiskBytes: {
    name: 'meridian_node_disk_bytes',
    help: 'The disk that a node of this region has its data on: bytes left (free), and in all.',
    labels: ['node', 'of'],
  },
  warnings: {
    name: 'meridian_warnings',
    help: 'Warnings that `status` shows of this region: limits that are near, a new seed.',
    labels: [],
  },
  gatewayRequests: {
    name: 'meridian_gateway_requests_total',
    help: 'Proxied requests by route and class of the reply status (closed: the client left).',
    labels: ['route', 'status'],
  },
  gatewayRequestSeconds: {
    name: 'meridian_gateway_request_seconds',
    help: 'Duration of proxied requests by route.',
    labels: ['route'],
  },
  gatewayOverheadSeconds: {
    name: 'meridian_gateway_overhead_seconds',
    help: 'Time to the reply head that the gateway itself took, by route.',
    labels: ['route'],
  },
  gatewayAttempts: {
    name: 'meridian_gateway_attempts_total',
    help: 'Attempts at upstreams by group and outcome.',
    labels: ['group', 'outcome'],
  },
  gatewayRetries: {
    name: 'meridian_gateway_retries_total',
    help: 'Failed attempts by what became of them: retried, or why not.',
    labels: ['verdict'],
  },
  gatewayDecisions: {
    name: 'meridian_gateway_decisions_total',
    help: 'Decisions on the region of a request: which (none: refused), and why.',
    labels: ['region', 'why'],
  },
  gatewayUpstreams: {
    name: 'meridian_gateway_upstreams',
    help: 'Upstream instances by group and state: usable, draining, down, ejected or open.',
    labels: ['group', 'state'],
  },
  gatewayRegionHealthy: {
    name: 'meridian_gateway_region_healthy',
    help: 'Whether this gateway takes a region for healthy (1) or not (0).',
    labels: ['region'],
  },
  gatewayInFlight: {
    name: 'meridian_gateway_in_flight_requests',
    help: 'Proxied requests under way.',
    labels: [],
  },
  gatewayConnections: {
    name: 'meridian_gateway_connections',
    help: 'Open connections of clients by kind: all of them, or the WebSockets among them.',
    labels: ['kind'],
  },
  routerRequests: {
    name: 'meridian_router_requests_total',
    help: 'SQL requests by consistency level and outcome (ok or an error code).',
    labels: ['level', 'outcome'],
  },
  routerOpenTransactions: {
    name: 'meridian_router_open_transactions',
    help: 'Interactive transactions that hold a connection to the primary node.',
    labels: [],
  },
  routerTransactionsEnded: {
    name: 'meridian_router_transactions_ended_total',
    help: 'Interactive transactions by what ended them: committed, rolledBack, idle, ….',
    labels: ['why'],
  },
  routerRequestSeconds: {
    name: 'meridian_router_request_seconds',
    help: 'Duration of SQL requests by consistency level.',
    labels: ['level'],
  },
});
