/** The rows of the fault matrix, in its order. */
import type { Scenario } from '../run/scenario.ts';
import { duringSeed } from './during-seed.ts';
import { k1 } from './k1.ts';
import { k2 } from './k2.ts';
import { k3 } from './k3.ts';
import { k4 } from './k4.ts';
import { k5 } from './k5.ts';
import { k6 } from './k6.ts';
import { k7 } from './k7.ts';
import { k8 } from './k8.ts';
import { k9 } from './k9.ts';
import { loss } from './loss.ts';
import { n1 } from './n1.ts';
import { n10 } from './n10.ts';
import { n11 } from './n11.ts';
import { n12Loss } from './n12-loss.ts';
import { n12 } from './n12.ts';
import { n13 } from './n13.ts';
import { n14 } from './n14.ts';
import { n15 } from './n15.ts';
import { n16 } from './n16.ts';
import { n17 } from './n17.ts';
import { n18 } from './n18.ts';
import { n19 } from './n19.ts';
import { n2 } from './n2.ts';
import { n3Replica } from './n3-replica.ts';
import { n3 } from './n3.ts';
import { n4 } from './n4.ts';
import { n5 } from './n5.ts';
import { n6Parts } from './n6-parts.ts';
import { n6 } from './n6.ts';
import { n7Links } from './n7-links.ts';
import { n7 } from './n7.ts';
import { n8 } from './n8.ts';
import { n9 } from './n9.ts';

/** Those that every `npm test` runs, short ones first. */
export const smokeScenarios: readonly Scenario[] = [n2, k1, k3, n1, n7, n6];

export const allScenarios: readonly Scenario[] = [
  ...[n1, n2, n3, n3Replica, n4, n5, n6, n6Parts, n7, n7Links, n8, n9, n10, n11, n12, n13, n14],
  ...[n15, n16, n17, n18, n19, k1, k2, k3, k4, k5, k6, k7, k8, k9, duringSeed, n12Loss, loss],
];
