/** The details of what is chosen on the topology: its state, what is wrong with it, and where to go from there. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import CloseIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-close-icon";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { NetworkStatus } from "../../../../../protocol/api/status.ts";
import type { Finding } from "../../../../../protocol/diagnosis/finding.ts";
import { fairlead } from "../../format/command.ts";
import { byteRateText, counted, failedText, latencyText, rateText } from "../../format/quantity.ts";
import { Age, Since } from "../../parts/age.tsx";
import { CommandHint, Sentence } from "../../parts/command-hint.tsx";
import { Name, ServiceName, SiteName, useNetworkName } from "../../parts/name.tsx";
import { StateLabel, type Tone } from "../../parts/state-label.tsx";
import type { ServiceEdge, ServiceGraph, ServiceGraphNode } from "../../topology/service-graph.ts";
import { EDGE, linksOf, type SiteGraph, type SiteLink, type SiteNode } from "../../topology/site-graph.ts";
import { lookOf, stateText } from "./site-nodes.tsx";

interface PanelProps {
  readonly status: NetworkStatus;
  readonly sites: SiteGraph;
  readonly services: ServiceGraph;
  readonly findings: readonly Finding[];
  readonly chosen: string;
  readonly onChoose: (id: string | null) => void;
}

interface Content {
  readonly title: ReactNode;
  readonly badge?: ReactNode;
  readonly body: ReactNode;
}

export function TopologyPanel(props: PanelProps) {
  const content = contentOf(props);
  if (content === null) return null;
  return (
    <section className="fl-panel" aria-label="Details">
      <div className="fl-panel__head">
        <h2>{content.title}</h2>
        {content.badge}
        <Button
          variant="plain"
          className="fl-panel__close"
          aria-label="Close the details"
          icon={<CloseIcon />}
          onClick={() => props.onChoose(null)}
        />
      </div>
      {content.body}
    </section>
  );
}

function contentOf({ status, sites, services, findings, chosen, onChoose }: PanelProps): Content | null {
  if (chosen === EDGE) return edgeContent(status, sites, findings);
  const site = sites.sites.find(({ id }) => id === chosen);
  if (site !== undefined) return siteContent(site, status, sites, findings, onChoose);
  const link = sites.links.find(({ id }) => id === chosen);
  if (link !== undefined) return linkContent(link, sites, findings);
  const part = services.nodes.find(({ id }) => id === chosen);
  if (part !== undefined) return partContent(part, status, services, findings);
  const edge = services.edges.find(({ id }) => id === chosen);
  return edge === undefined ? null : trafficContent(edge, services);
}

const SITE_TONES: Readonly<Record<ReturnType<typeof lookOf>, Tone>> = {
  good: "good",
  warning: "warning",
  bad: "bad",
  off: "off",
  waiting: "waiting",
};

const SINCE_TEXTS: Readonly<Record<ReturnType<typeof lookOf>, string>> = {
  good: "Up for",
  warning: "Not heard for",
  bad: "Down for",
  off: "Stopped for",
  waiting: "Waiting for",
};

function siteContent(
  site: SiteNode,
  status: NetworkStatus,
  graph: SiteGraph,
  findings: readonly Finding[],
  onChoose: (id: string) => void,
): Content {
  const links = linksOf(graph, site.id);
  const full = status.sites.find(({ id }) => id === site.id);
  const names = new Map(graph.sites.map(({ id, name }) => [id, name]));
  return {
    title: <SiteName name={site.name} />,
    badge: <StateLabel tone={SITE_TONES[lookOf(site)]}>{stateText(site)}</StateLabel>,
    body: (
      <>
        <Facts>
          <Fact label={SINCE_TEXTS[lookOf(site)]}>
            <Since at={site.since} />
          </Fact>
          <Fact label="Connectors">
            {full === undefined || full.instances.length === 0
              ? "none"
              : full.instances.map(({ boot, software }) => <div key={boot}>{software}</div>)}
          </Fact>
          <Fact label="Offers">
            {full === undefined || full.services.length === 0
              ? "no service"
              : full.services.map((name) => (
                  <div key={name}>
                    <ServiceName name={name} />
                  </div>
                ))}
          </Fact>
        </Facts>
        <Findings all={findings} kind="site" id={site.id} name={site.name} />
        <h3>{counted(links.length, "link")}</h3>
        {links.length === 0 ? (
          <p className="fl-subtle">No link connects this site with another, so it sees no services.</p>
        ) : (
          <ul className="fl-panel__list">
            {links.map((link) => {
              const other = link.joiner === site.id ? link.issuer : link.joiner;
              return (
                <li key={link.id}>
                  <Button variant="link" isInline onClick={() => onChoose(link.id)}>
                    {link.joiner === site.id ? "to" : "from"}{" "}
                    {other === EDGE ? "the network" : <Name>{names.get(other) ?? other}</Name>}
                  </Button>
                  <LinkFigures link={link} />
                </li>
              );
            })}
          </ul>
        )}
        <CommandHint command={fairlead("site", "status", site.name)} />
      </>
    ),
  };
}

function LinkFigures({ link }: { link: SiteLink }) {
  return (
    <span className="fl-panel__figures">
      {link.rtt === null || link.state === "down" ? null : (
        <span className="fl-figure">{latencyText(link.rtt)}</span>
      )}
      {link.cost === 1 ? null : <span className="fl-figure">cost {link.cost}</span>}
      <StateLabel tone={link.state === "up" ? "good" : "bad"}>{link.state}</StateLabel>
    </span>
  );
}

function linkContent(link: SiteLink, graph: SiteGraph, findings: readonly Finding[]): Content {
  const name = (id: string) => graph.sites.find((site) => site.id === id)?.name;
  const joiner = name(link.joiner);
  const issuer = name(link.issuer);
  const ends =
    link.state === "up"
      ? []
      : graph.sites.filter(({ id, state }) => [link.joiner, link.issuer].includes(id) && state === "down");
  return {
    title: <Name>{`Link ${link.name}`}</Name>,
    badge: <StateLabel tone={link.state === "up" ? "good" : "bad"}>{link.state}</StateLabel>,
    body: (
      <>
        <Facts>
          <Fact label="From">{joiner === undefined ? "unknown" : <SiteName name={joiner} />}</Fact>
          <Fact label="To">{issuer === undefined ? "the network" : <SiteName name={issuer} />}</Fact>
          <Fact label={link.state === "up" ? "Up for" : "Down for"}>
            <Since at={link.since} />
          </Fact>
          {link.state === "down" ? null : (
            <Fact label="Round trip">{link.rtt === null ? "not measured yet" : latencyText(link.rtt)}</Fact>
          )}
          <Fact label="Cost">{link.cost}</Fact>
        </Facts>
        {ends.map(({ id, name: down }) => (
          <div key={id} className="fl-panel__findings">
            <p>
              The link works again when site <SiteName name={down} /> is up.
            </p>
            <Findings all={findings} kind="site" id={id} name={down} />
          </div>
        ))}
        <Findings all={findings} kind="link" id={link.id} name={link.name} />
        <CommandHint command={fairlead("link", "status", link.name)} at={joiner} />
      </>
    ),
  };
}

function edgeContent(status: NetworkStatus, graph: SiteGraph, findings: readonly Finding[]): Content {
  const connected = graph.sites.filter(({ state }) => state === "up" || state === "silent").length;
  return {
    title: "The edge",
    body: (
      <>
        <p>
          Every site dials the edge, and traffic between sites passes it. It is encrypted from end to end: the
          edge carries it and cannot read it.
        </p>
        <Facts>
          <Fact label="Network">
            <Name>{status.network.name}</Name>
          </Fact>
          <Fact label="Connected">
            {connected} of {counted(graph.sites.length, "site")}
          </Fact>
          <Fact label="Created">
            <Age at={status.network.createdAt} />
          </Fact>
        </Facts>
        <Findings all={findings} kind="edge" id="edge" name="edge" />
        <CommandHint command={fairlead("status")} />
      </>
    ),
  };
}

const HEALTH: Readonly<Record<string, readonly [Tone, string]>> = {
  up: ["good", "up"],
  degraded: ["warning", "partly down"],
  down: ["bad", "down"],
};

function partContent(
  part: ServiceGraphNode,
  status: NetworkStatus,
  graph: ServiceGraph,
  findings: readonly Finding[],
): Content {
  const edges = graph.edges.filter(({ from, to }) => from === part.id || to === part.id);
  const label = (id: string) => graph.nodes.find((each) => each.id === id)?.label ?? id;
  const isService = part.kind === "service";
  const service = isService ? status.services.find(({ name }) => name === part.label) : undefined;
  const [tone, text] = HEALTH[isService ? part.health : part.state] ?? (["waiting", "unknown"] as const);
  const calls = edges.filter(({ from }) => (isService ? from !== part.id : from === part.id));
  const serves = edges.filter((edge) => !calls.includes(edge));
  return {
    title: isService ? (
      <ServiceName name={part.label} />
    ) : part.kind === "site" ? (
      <SiteName name={part.label} />
    ) : (
      <Name>{part.label}</Name>
    ),
    badge: <StateLabel tone={tone}>{text}</StateLabel>,
    body: (
      <>
        {part.kind === "service" ? (
          <Facts>
            <Fact label="Offered by">
              {service === undefined || service.sites.length === 0
                ? "no site now"
                : service.sites.map(({ name }) => (
                    <div key={name}>
                      <SiteName name={name} />
                    </div>
                  ))}
            </Fact>
          </Facts>
        ) : part.site === null ? null : (
          <Facts>
            <Fact label="Site">
              <SiteName name={part.site} />
            </Fact>
          </Facts>
        )}
        {isService ? <Findings all={findings} kind="service" id={part.label} name={part.label} /> : null}
        <TrafficList
          title={isService ? "Called by" : "Calls"}
          edges={calls}
          end={isService ? "from" : "to"}
          label={label}
        />
        <TrafficList
          title={isService ? "Served by" : "Serves"}
          edges={serves}
          end={isService ? "to" : "from"}
          label={label}
        />
        <CommandHint
          command={
            isService
              ? fairlead("flows", `service:${part.label}`)
              : part.kind === "site"
                ? fairlead("flows", `site:${part.label}`)
                : fairlead("top")
          }
        />
      </>
    ),
  };
}

interface TrafficListProps {
  readonly title: string;
  readonly edges: readonly ServiceEdge[];
  readonly end: "from" | "to";
  readonly label: (id: string) => string;
}

function TrafficList({ title, edges, end, label }: TrafficListProps) {
  if (edges.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="fl-panel__list">
        {edges.map((edge) => (
          <li key={edge.id}>
            <Name>{label(edge[end])}</Name>
            <span
              className={`fl-panel__figures fl-figure ${edge.rates.failed > 0 ? "fl-down" : "fl-subtle"}`}
            >
              {rateLine(edge)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function rateLine({ rates, active }: ServiceEdge): string {
  const bytes = rates.bytesToClient + rates.bytesToTarget;
  const events = rates.requests > 0 ? rates.requests : rates.streams;
  if (bytes < 1 && events === 0) return active ? "idle now" : "no traffic";
  const parts = [
    ...(events > 0 ? [rateText(events)] : []),
    ...(bytes >= 1 ? [byteRateText(bytes)] : []),
    ...(rates.failed > 0 ? [failedText(rates.failed / Math.max(events, rates.failed))] : []),
  ];
  return parts.join(" · ");
}

function trafficContent(edge: ServiceEdge, graph: ServiceGraph): Content {
  const label = (id: string) => graph.nodes.find((each) => each.id === id)?.label ?? id;
  const { rates } = edge;
  const service = [edge.from, edge.to].find((id) => id.startsWith("service:"));
  return {
    title: "Traffic",
    body: (
      <>
        <Facts>
          <Fact label="From">
            <Name>{label(edge.from)}</Name>
          </Fact>
          <Fact label="To">
            <Name>{label(edge.to)}</Name>
          </Fact>
          <Fact label="Requests">{rateText(rates.requests)}</Fact>
          <Fact label="Connections">{rateText(rates.streams)}</Fact>
          <Fact label="Failed">
            {rates.failed === 0 ? "none" : <span className="fl-down">{rateText(rates.failed)}</span>}
          </Fact>
          <Fact label="To the target">{byteRateText(rates.bytesToTarget)}</Fact>
          <Fact label="To the client">{byteRateText(rates.bytesToClient)}</Fact>
        </Facts>
        {service === undefined ? null : (
          <CommandHint command={fairlead("flows", `service:${label(service)}`)} />
        )}
      </>
    ),
  };
}

export function Findings({
  all,
  kind,
  id,
  name,
}: {
  all: readonly Finding[];
  kind: Finding["subject"]["kind"];
  id: string;
  name: string;
}) {
  const network = useNetworkName();
  const own = all.filter(
    ({ subject }) =>
      subject.id === id || (subject.kind === kind && subject.name === name && subject.id === undefined),
  );
  if (own.length === 0) return null;
  return (
    <div className="fl-panel__findings">
      {own.map((finding) => (
        <div key={`${finding.code} ${finding.title}`} className={`fl-wrong fl-wrong--${finding.severity}`}>
          <strong className="fl-wrap">{finding.title}</strong>
          <p className="fl-wrap">
            <Sentence>{finding.action}</Sentence>
          </p>
          {finding.command === undefined ? null : <CommandHint command={finding.command} at={finding.at} />}
        </div>
      ))}
      <Link to="/networks/$network" params={{ network }}>
        All that is broken
      </Link>
    </div>
  );
}

function Facts({ children }: { children: ReactNode }) {
  return <dl className="fl-facts">{children}</dl>;
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fl-fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
