/** The notable records of a minute: errors first, then the slowest. Pure. */
import type { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";

/** Most records of a minute. */
export const MAX_PER_MINUTE = 200;

/** Most records of one site in a minute, so that no site displaces those of all others. */
export const MAX_PER_SITE = 100;

const hasFailed = ({ outcome, status }: SiteFlowRecord): boolean =>
  (outcome !== null && outcome !== "completed") || (status !== undefined && status >= 500);

/** More notable first. */
const byNotability = (left: SiteFlowRecord, right: SiteFlowRecord): number =>
  Number(hasFailed(right)) - Number(hasFailed(left)) || right.ms - left.ms;

export class NotableRecords {
  #records: SiteFlowRecord[] = [];

  get records(): readonly SiteFlowRecord[] {
    return this.#records;
  }

  add(records: readonly SiteFlowRecord[]): void {
    this.#records.push(...records);
    if (this.#records.length > 2 * MAX_PER_MINUTE) this.#records = chosen(this.#records);
  }

  /** The records of the minute by time, and begins the next minute. */
  take(): SiteFlowRecord[] {
    const taken = chosen(this.#records).sort((left, right) => left.at - right.at);
    this.#records = [];
    return taken;
  }
}

function chosen(records: readonly SiteFlowRecord[]): SiteFlowRecord[] {
  const ofSite = new Map<string, number>();
  return [...records]
    .sort(byNotability)
    .filter(({ site }) => {
      const count = (ofSite.get(site.site) ?? 0) + 1;
      ofSite.set(site.site, count);
      return count <= MAX_PER_SITE;
    })
    .slice(0, MAX_PER_MINUTE);
}
