/** Who has traffic now. */
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Traffic } from "../../../../../protocol/api/traffic.ts";
import { recentOutcomes } from "../../../../../protocol/diagnosis/recent-outcomes.ts";
import { byteRateText, rateText } from "../../format/quantity.ts";
import type { useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { Name, ServiceName, useNetworkName } from "../../parts/name.tsx";
import { Section } from "../../parts/section.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import { rank, ratesOf } from "../../traffic/rates.ts";

const SHOWN = 6;

/** What has traffic now, by service and pair of sites, busiest first. */
function busiest(traffic: Traffic) {
  const pairs = rank(traffic.groups, ({ service, from, to }) => JSON.stringify([service, from?.id, to?.id]));
  return pairs
    .flatMap(({ key, groups }) => {
      const [group] = groups;
      if (group === undefined) return [];
      const rates = ratesOf(traffic, groups);
      const bytes = rates.bytesToClient + rates.bytesToTarget;
      return [{ key, group, rates, bytes, isFailing: recentOutcomes(traffic, groups).isFailing }];
    })
    .filter(({ rates, bytes }) => bytes > 0 || rates.requests > 0 || rates.streams > 0)
    .sort((a, b) => b.bytes - a.bytes);
}

interface TrafficNowProps {
  readonly traffic: Traffic | null;
  /** The state of the channel that tells the traffic. */
  readonly phase: ReturnType<typeof useTraffic>["phase"];
}

export function TrafficNow({ traffic, phase }: TrafficNowProps) {
  const network = useNetworkName();
  const busy = useMemo(() => (traffic === null ? [] : busiest(traffic)), [traffic]);
  return (
    <Section
      title="Traffic now"
      aside={
        <Link to="/networks/$network/flows" params={{ network }} search={{}}>
          All flows
        </Link>
      }
    >
      {traffic === null ? (
        phase?.state === "lost" ? (
          <p className="fl-subtle">Traffic cannot be shown: its channel is lost. {phase.reason}</p>
        ) : (
          <Waiting what="traffic" />
        )
      ) : busy.length === 0 ? (
        <p className="fl-subtle">No service has traffic now.</p>
      ) : (
        <>
          <table className="fl-traffic">
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col" className="fl-end">
                  Rate
                </th>
                <th scope="col" className="fl-end">
                  Throughput
                </th>
              </tr>
            </thead>
            <tbody>
              {busy.slice(0, SHOWN).map(({ key, group, rates, bytes, isFailing }) => (
                <tr key={key}>
                  <td>
                    <ServiceName name={group.service} />
                  </td>
                  <td>{group.from === null ? "public door" : <Name>{group.from.name}</Name>}</td>
                  <td>{group.to === null ? "no site" : <Name>{group.to.name}</Name>}</td>
                  <td className="fl-end fl-figure">
                    {rates.requests > 0
                      ? `${rateText(rates.requests)} requests`
                      : `${rateText(rates.streams)} connections`}
                    {isFailing ? <span className="fl-bad">, failing</span> : null}
                  </td>
                  <td className="fl-end fl-figure">{byteRateText(bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="fl-subtle">
            {busy.length > SHOWN ? `The busiest ${SHOWN} of ${busy.length}. ` : ""}
            Counted <Age at={traffic.at} />.
          </p>
        </>
      )}
    </Section>
  );
}
