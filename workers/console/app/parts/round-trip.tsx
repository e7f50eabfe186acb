/** The round trip of a link. */
import type { Link } from "../../../../protocol/api/links.ts";
import { latencyText } from "../format/quantity.ts";

type Measured = Pick<Link, "state" | "rtt">;

/** What a link is sorted by: links without a round trip come last. */
export const roundTripOf = ({ state, rtt }: Measured): number =>
  state === "up" && rtt !== null ? rtt : Number.POSITIVE_INFINITY;

/** A link that is down has none: what was measured last says nothing of now. */
export function RoundTrip({ link }: { link: Measured }) {
  const ms = roundTripOf(link);
  return Number.isFinite(ms) ? latencyText(ms) : "–";
}
