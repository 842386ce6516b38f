/**
 * The rules that can be left out, one at a time; a simulation that does not notice is worthless.
 */

export const plants = {
  nocas: 'member changes without compare-and-set on the version',
  keepold: 'members carried into the new epoch',
  remfast: 'a member removed before the others hold everything',
  forget: 'a restarted primary forgets that older writes may have been confirmed',
  ackall: 'acknowledgements of regions that are not members count',
  noseal: 'a region goes on applying and acknowledging after it sealed',
  lineage: 'the seal of a diverged region counts',
  resume: 'a promoted standby continues its epoch',
  final: 'a seal of a promoted standby is taken as final',
  unopened: 'the seal of a primary that never opened is taken as final',
  follow: 'divergence is judged by the newest cut only',
  token: "a token is judged by the newest epoch's cut only",
  fewmembers: 'writes are confirmed while there are fewer members than K',
  lowk: 'the seal quorum ignores that K was lower earlier in the epoch',
  wiped: 'a region whose storage was lost still counts as the member it was',
  nohello: 'a region acts on an old checkpoint before it has read back a record of its own',
  anystore: 'a chosen region whose storage was lost since its seal may open',
  lateattempt: 'a prepare that was sent earlier and arrives late replaces a newer attempt',
  norelog: "a promoted standby acknowledges and seals without re-applying its region's log",
  ghost: 'reads go on after a restart of PostgreSQL before members hold what it recovered',
  early: 'strong reads start before members hold what the new primary brought along',
  unsynced: 'trap 67: control records that were acknowledged go with the power of their brokers',
  oldlease: 'the new primary opens without waiting for the old lease',
} as const;

export type PlantName = keyof typeof plants;
export const plantNames = Object.keys(plants) as readonly PlantName[];

export function isPlantName(text: string): text is PlantName {
  return Object.hasOwn(plants, text);
}
