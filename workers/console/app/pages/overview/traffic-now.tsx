/** Who has traffic now. */
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Traffic } from "../../../../../protocol/api/traffic.ts";
import { byteRateText, rateText } from "../../format/quantity.ts";
import { useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { Name, ServiceName, useNetworkName } from "../../parts/name.tsx";
import { Section } from "../../parts/section.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import { ratesOf } from "../../traffic/rates.ts";

const SHOWN = 6;

/** Groups that have traffic now, busiest first. */
function busiest(traffic: Traffic) {
  return traffic.groups
    .map((group) => {
      const rates = ratesOf(traffic, [group]);
      return { group, rates, bytes: rates.bytesToClient + rates.bytesToTarget };
    })
    .filter(({ rates, bytes }) => bytes > 0 || rates.requests > 0 || rates.streams > 0)
    .sort((a, b) => b.bytes - a.bytes);
}

export function TrafficNow() {
  const network = useNetworkName();
  const { traffic, phase } = useTraffic({ window: "15m" });
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
                  Bytes
                </th>
              </tr>
            </thead>
            <tbody>
              {busy.slice(0, SHOWN).map(({ group, rates, bytes }) => (
                <tr key={`${group.service} ${group.from?.id} ${group.to?.id}`}>
                  <td>
                    <ServiceName name={group.service} />
                  </td>
                  <td>{group.from === null ? "public door" : <Name>{group.from.name}</Name>}</td>
                  <td>{group.to === null ? "no site" : <Name>{group.to.name}</Name>}</td>
                  <td className="fl-end fl-figure">
                    {rates.requests > 0
                      ? `${rateText(rates.requests)} requests`
                      : `${rateText(rates.streams)} connections`}
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
