/**
 * Counts that fit into a row. Where those of all sites are too long together, each site has an equal share, and what a
 * site leaves of its share is shared by the others: a site with many long labels shortens its own part alone. Pure.
 */
import { seriesId } from "../../../protocol/telemetry/series.ts";
import { foldedKey, type Series } from "./ledger.ts";
import type { Counts } from "./windows.ts";

/** Bytes that the values of a series take besides its labels, about: six counts and a histogram. */
const VALUES_BYTES = 120;

/**
 * Counts whose text has at most so many bytes, about. A site beyond its share is counted without processes and targets,
 * and what is still beyond it is left out.
 */
export function fairCounts(counts: Counts, mostBytes: number): Counts {
  const bySite = new Map<string, Counts>();
  for (const [series, by] of counts) {
    const ofSite = bySite.get(series.site) ?? new Map();
    ofSite.set(series, by);
    bySite.set(series.site, ofSite);
  }
  const sites = [...bySite.values()]
    .map((ofSite) => ({ ofSite, bytes: bytesOf(ofSite) }))
    .sort((left, right) => left.bytes - right.bytes);
  const fitting: Counts = new Map();
  let room = mostBytes;
  for (const [at, { ofSite, bytes }] of sites.entries()) {
    const share = room / (sites.length - at);
    const chosen = bytes <= share ? ofSite : cut(folded(ofSite), share);
    for (const [series, by] of chosen) fitting.set(series, by);
    room -= bytesOf(chosen);
  }
  return fitting;
}

const encoder = new TextEncoder();

const lengthOf = ({ key }: Series): number => encoder.encode(JSON.stringify(key)).byteLength + VALUES_BYTES;

const bytesOf = (counts: Counts): number =>
  [...counts.keys()].reduce((sum, series) => sum + lengthOf(series), 0);

/** The counts of a site without processes and targets. */
function folded(counts: Counts): Counts {
  const byId = new Map<string, Series>();
  const sums: Counts = new Map();
  for (const [series, by] of counts) {
    const key = foldedKey(series.key);
    const id = seriesId(key);
    const known = byId.get(id);
    if (known !== undefined) {
      sums.get(known)?.add(by);
      continue;
    }
    const made = { ...series, key };
    byId.set(id, made);
    sums.set(made, by.copy());
  }
  return sums;
}

/** The counts that fit, those with most bytes of traffic first. */
function cut(counts: Counts, mostBytes: number): Counts {
  const chosen: Counts = new Map();
  let room = mostBytes;
  const weight = ({
    bytesToTarget,
    bytesToClient,
    closed,
  }: {
    bytesToTarget: number;
    bytesToClient: number;
    closed: number;
  }) => bytesToTarget + bytesToClient + closed;
  for (const [series, by] of [...counts].sort(([, left], [, right]) => weight(right) - weight(left))) {
    room -= lengthOf(series);
    if (room < 0) break;
    chosen.set(series, by);
  }
  return chosen;
}
