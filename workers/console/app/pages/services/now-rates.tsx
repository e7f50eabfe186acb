/** What passes now. */
import { byteRateText, ratedText } from "../../format/quantity.ts";
import type { Rates } from "../../traffic/rates.ts";

export function NowRates({ rates }: { rates: Rates }) {
  const { requests, streams } = rates;
  const bytes = rates.bytesToClient + rates.bytesToTarget;
  if (requests === 0 && streams === 0 && bytes < 1) return <span className="fl-subtle">idle</span>;
  return (
    <>
      {requests > 0 ? ratedText(requests, "requests") : ratedText(streams, "connections")}
      {bytes < 1 ? null : <div className="fl-subtle">{byteRateText(bytes)}</div>}
    </>
  );
}
