/** The traffic of a service by caller, by target, and by method and status. */
import type { ReactNode } from "react";
import type { Traffic, TrafficGroup } from "../../../../../protocol/api/traffic.ts";
import { CodeClass } from "../../../../../protocol/telemetry/series.ts";
import { visible } from "../../../../../protocol/text.ts";
import { countText, latencyText } from "../../format/quantity.ts";
import { Name, SiteName } from "../../parts/name.tsx";
import { Section } from "../../parts/section.tsx";
import { latencyOf, type Ranked, rank, ratesOf, sumOf } from "../../traffic/rates.ts";
import { Failed } from "./failed.tsx";
import { NowRates } from "./now-rates.tsx";

/** The most rows of a table; what has least traffic is left out and counted. */
const MAX_ROWS = 12;

export function Callers({ traffic }: { traffic: Traffic }) {
  const callers = rank(traffic.groups, ({ from, process }) => JSON.stringify([from?.name ?? null, process]));
  return (
    <Figures
      title="Callers"
      head="Site and process"
      none="Nobody called it in this time."
      rows={callers}
      traffic={traffic}
      name={(group) => (
        <>
          {group?.from ? <SiteName name={group.from.name} /> : "Public door"}
          {group?.process ? (
            <div className="fl-subtle">
              <Name>{group.process}</Name>
            </div>
          ) : null}
        </>
      )}
    />
  );
}

export function Targets({ traffic }: { traffic: Traffic }) {
  const targets = rank(traffic.groups, ({ to, target }) =>
    to === null ? null : JSON.stringify([to.name, target]),
  );
  return (
    <Figures
      title="Targets"
      head="Site and target"
      none="Nothing reached a target in this time."
      rows={targets}
      traffic={traffic}
      name={(group) => (
        <>
          {group?.to ? <SiteName name={group.to.name} /> : null}
          {group?.target ? (
            <div className="fl-subtle fl-mono">
              <Name>{group.target}</Name>
            </div>
          ) : null}
        </>
      )}
    />
  );
}

interface FiguresProps {
  readonly title: string;
  readonly head: string;
  readonly none: string;
  readonly rows: readonly Ranked[];
  readonly traffic: Traffic;
  readonly name: (group: TrafficGroup | undefined) => ReactNode;
}

function Figures({ title, head, none, rows, traffic, name }: FiguresProps) {
  if (rows.length === 0)
    return (
      <Section title={title}>
        <p className="fl-subtle">{none}</p>
      </Section>
    );
  return (
    <Section title={title}>
      <div className="fl-figures__scroll">
        <table className="fl-figures">
          <thead>
            <tr>
              <th scope="col">{head}</th>
              <th scope="col">Now</th>
              <th scope="col">Failed</th>
              <th scope="col">99 % within</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MAX_ROWS).map(({ key, groups }) => {
              const rates = ratesOf(traffic, groups);
              const requests = sumOf(groups, "requests");
              const { p99 } = latencyOf(groups);
              return (
                <tr key={key}>
                  <th scope="row">{name(groups[0])}</th>
                  <td>
                    <NowRates rates={rates} />
                  </td>
                  <td>
                    <Failed
                      failed={sumOf(groups, "failed") + sumOf(groups, "requestsFailed")}
                      events={requests > 0 ? requests : sumOf(groups, "closed")}
                    />
                  </td>
                  <td>{p99 === null ? "–" : latencyText(p99)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {rows.length > MAX_ROWS ? (
        <p className="fl-subtle">And {rows.length - MAX_ROWS} more, with less traffic.</p>
      ) : null}
    </Section>
  );
}

/** Requests by method and class of status in the window. Nothing where there are no requests. */
export function Methods({ traffic }: { traffic: Traffic }) {
  const methods = rank(traffic.groups, ({ method }) => method);
  const codes = CodeClass.options.filter((code) =>
    traffic.groups.some((group) => group.code === code && sumOf([group], "requests") > 0),
  );
  if (methods.length === 0 || codes.length === 0) return null;
  return (
    <Section title="Requests by method and status">
      <div className="fl-figures__scroll">
        <table className="fl-figures">
          <thead>
            <tr>
              <th scope="col">Method</th>
              {codes.map((code) => (
                <th key={code} scope="col">
                  {code === "none" ? "no response" : code}
                </th>
              ))}
              <th scope="col">99 % within</th>
            </tr>
          </thead>
          <tbody>
            {methods.map(({ key, groups }) => {
              const { p99 } = latencyOf(groups);
              return (
                <tr key={key}>
                  <th scope="row">{visible(key)}</th>
                  {codes.map((code) => {
                    const count = sumOf(
                      groups.filter((group) => group.code === code),
                      "requests",
                    );
                    const isBad = count > 0 && (code === "5xx" || code === "none");
                    return (
                      <td key={code} {...(isBad ? { className: "fl-failed" } : {})}>
                        {count === 0 ? "–" : countText(count)}
                      </td>
                    );
                  })}
                  <td>{p99 === null ? "–" : latencyText(p99)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
