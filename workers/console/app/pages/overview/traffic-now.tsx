/** Who has traffic now. */
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Traffic, TrafficGroup } from "../../../../../protocol/api/traffic.ts";
import { byteRateText, rateText } from "../../format/quantity.ts";
import { useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { Name, ServiceName, useNetworkName } from "../../parts/name.tsx";
import { Section } from "../../parts/section.tsx";
import { Waiting } from "../../parts/waiting.tsx";

const SHOWN = 6;

/** Steps over which rates are taken, so that they do not jump. */
const STEPS = 6;

/** The rates of a group in the last minute, in each second. */
export function ratesOf(group: TrafficGroup, stepSeconds: number) {
  const points = group.points.slice(-STEPS);
  const seconds = Math.max(1, points.length) * stepSeconds;
  const sum = (read: (point: NonNullable<(typeof points)[number]>) => number | undefined) =>
    points.reduce((total, point) => total + (point === null ? 0 : (read(point) ?? 0)), 0) / seconds;
  return {
    requests: sum((point) => point.requests),
    streams: sum((point) => point.opened),
    bytes: sum((point) => (point.bytesToClient ?? 0) + (point.bytesToTarget ?? 0)),
    failed: sum((point) => (point.failed ?? 0) + (point.requestsFailed ?? 0)),
  };
}

/** Groups with traffic in the last minute, busiest first. */
export function busiest(traffic: Traffic) {
  return traffic.groups
    .map((group) => ({ group, rates: ratesOf(group, traffic.stepSeconds) }))
    .filter(({ rates }) => rates.bytes > 0 || rates.requests > 0 || rates.streams > 0)
    .sort((a, b) => b.rates.bytes - a.rates.bytes);
}

export function TrafficNow() {
  const network = useNetworkName();
  const { traffic, phase } = useTraffic({ window: "15m" });
  const busy = useMemo(() => (traffic === null ? [] : busiest(traffic)), [traffic]);
  return (
    <Section
      title="Traffic of the last minute"
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
              {busy.slice(0, SHOWN).map(({ group, rates }) => (
                <tr key={`${group.service} ${group.from?.id} ${group.to?.id}`}>
                  <td>
                    <ServiceName name={group.service} />
                  </td>
                  <td>{group.from === null ? "public door" : <Name>{group.from.name}</Name>}</td>
                  <td>{group.to === null ? "no site" : <Name>{group.to.name}</Name>}</td>
                  <td className="fl-end fl-figure">
                    {rates.requests > 0
                      ? `${rateText(rates.requests)} requests`
                      : `${rateText(rates.streams)} streams`}
                  </td>
                  <td className="fl-end fl-figure">{byteRateText(rates.bytes)}</td>
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
