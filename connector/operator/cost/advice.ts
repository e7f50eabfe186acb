/** What to do about an estimate, in sentences. */
import type { Estimate } from "./estimate.ts";
import { dollars, percent } from "./format.ts";
import { BASE_PRICE, ITEMS, type ItemName } from "./prices.ts";
import { PARK_AFTER_S } from "./workload.ts";

/** What an operator can do about the item whose limit is reached first. */
const REMEDIES: Readonly<Record<ItemName, string>> = {
  workerRequests: "Call the API less often: `fairlead events --follow` polls, too.",
  workerCpu: "Call the API less often.",
  objectRequests: "Call the API less often, and look for sites that reconnect again and again.",
  duration: `Close connections that nobody uses: a pair without connections releases its lanes after ${PARK_AFTER_S} seconds, and an idle pair costs nothing. Where pairs must stay open, run the edge on a machine of your own with \`fairlead edge start\`.`,
  rowsRead: "Call the API less often, or split the sites into several networks.",
  rowsWritten: "Call the API less often, and look for sites that reconnect again and again.",
  stored: "Lower the quota of events with `fairlead network quota`.",
};

/** From this share of a limit on, an operator should do something about it. */
const NEAR = 0.5;

/** The dearest reading is mentioned where it costs this many times as much. */
const NOTICEABLE = 1.05;

/** The sentences that say which plan suffices, what is reached first, and what to do next. */
export function adviceOn({ documented, dearest }: Estimate): string[] {
  const { nearest, free, paid } = documented;
  const title = ITEMS[nearest.item].title.toLowerCase();
  const share = percent(nearest.share);
  const sentences = free
    ? [`The free plan suffices. Its nearest limit is ${title}, at ${share}.`]
    : [
        `The free plan does not suffice: ${title} is at ${share} of its limit.`,
        `Workers Paid costs about ${dollars(paid)} a month, ${dollars(BASE_PRICE)} of it the base price.`,
      ];
  if (free && !dearest.free) {
    const { item, share: most } = dearest.nearest;
    sentences.push(
      `If Cloudflare bills what its documentation leaves open, it does not suffice: ${ITEMS[item].title.toLowerCase()} is then at ${percent(most)}.`,
    );
  }
  if (dearest.paid > paid * NOTICEABLE) {
    sentences.push(
      `Workers Paid costs about ${dollars(dearest.paid)} a month if Cloudflare bills all that its documentation leaves open.`,
    );
  }
  const first = free ? dearest.nearest : nearest;
  sentences.push(first.share > NEAR ? REMEDIES[first.item] : "Nothing needs to be done.");
  return sentences;
}
