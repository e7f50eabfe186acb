/** The overview of a network: its state in a sentence, what is broken, and what happens. */
import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import GoodIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-circle-fill-icon";
import SitesIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-server-icon";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import * as z from "zod";
import type { NetworkStatus } from "../../../../../protocol/api/status.ts";
import type { Finding } from "../../../../../protocol/diagnosis/finding.ts";
import { summary } from "../../../../../protocol/diagnosis/summary.ts";
import { fairlead } from "../../format/command.ts";
import { counted } from "../../format/quantity.ts";
import { shortTimeText } from "../../format/time.ts";
import { useEvents, useStatus, useTraffic } from "../../live/use-live.tsx";
import { CommandHint } from "../../parts/command-hint.tsx";
import { EventList } from "../../parts/event-list.tsx";
import { FindingList, SeverityIcon } from "../../parts/finding-card.tsx";
import { useNetworkName } from "../../parts/name.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Section } from "../../parts/section.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { OUTCOMES, useFindings } from "../../parts/use-findings.ts";
import { Waiting } from "../../parts/waiting.tsx";
import { TrafficNow } from "./traffic-now.tsx";
import "./overview.css";

const RECENT_EVENTS = 6;

/** Findings that are shown before the user asks for all. */
const FIRST_FINDINGS = 4;

const Parameters = z.object({
  /** Set to show all findings. */
  show: z.literal("all").optional().catch(undefined),
});

export function OverviewPage() {
  const network = useNetworkName();
  const status = useStatus();
  const { traffic, phase } = useTraffic(OUTCOMES);
  const found = useFindings(traffic);
  const events = useEvents();
  return (
    <>
      <PageHeader title="Overview" command={fairlead("status")} />
      {status === null || found === null ? (
        <Waiting what="the network" rows={6} />
      ) : (
        <>
          <Hero status={status} found={found} />
          {status.sites.length === 0 ? (
            <FirstSite network={network} />
          ) : (
            <>
              <Findings found={found} />
              <Tiles status={status} network={network} />
              <div className="fl-columns">
                <TrafficNow traffic={traffic} phase={phase} />
                <Section
                  title="Recent events"
                  aside={
                    <Link to="/networks/$network/events" params={{ network }} search={{}}>
                      All events
                    </Link>
                  }
                >
                  {events.length === 0 ? (
                    <p className="fl-subtle">Nothing has happened yet.</p>
                  ) : (
                    <EventList events={events.slice(-RECENT_EVENTS).reverse()} />
                  )}
                </Section>
              </div>
            </>
          )}
        </>
      )}
    </>
  );
}

function Hero({ status, found }: { status: NetworkStatus; found: readonly Finding[] }) {
  const worst = found.find(({ severity }) => severity !== "notice");
  const isEmpty = !status.sites.some(({ state }) => state === "up" || state === "down");
  const look = worst?.severity ?? (isEmpty ? "empty" : "good");
  return (
    <div className={`fl-hero fl-hero--${look}`} role="status">
      <Icon size="xl" {...(look === "good" ? { status: "success" as const } : {})}>
        {worst !== undefined ? (
          <SeverityIcon severity={worst.severity} />
        ) : isEmpty ? (
          <SitesIcon className="fl-subtle" />
        ) : (
          <GoodIcon />
        )}
      </Icon>
      <p className="fl-hero__sentence">
        <bdi>{summary(status, found, (at) => shortTimeText(Date.parse(at)))}</bdi>
      </p>
    </div>
  );
}

function Findings({ found }: { found: readonly Finding[] }) {
  const [{ show }] = useParameters(Parameters);
  const network = useNetworkName();
  const urgent = useMemo(() => found.filter(({ severity }) => severity !== "notice"), [found]);
  const notices = found.filter(({ severity }) => severity === "notice");
  const shown = useMemo(
    () => (show === "all" ? urgent : eachKindFirst(urgent).slice(0, FIRST_FINDINGS)),
    [urgent, show],
  );
  return (
    <>
      {urgent.length === 0 ? null : (
        <Section title="What to do">
          <FindingList findings={shown} />
          {urgent.length <= FIRST_FINDINGS ? null : (
            <p>
              <Link
                to="/networks/$network"
                params={{ network }}
                search={show === "all" ? {} : { show: "all" }}
                resetScroll={false}
              >
                {show === "all" ? "Show the first only" : `Show all ${urgent.length}`}
              </Link>
            </p>
          )}
        </Section>
      )}
      {notices.length === 0 ? null : (
        <Section title="Good to know">
          <FindingList findings={notices} />
        </Section>
      )}
    </>
  );
}

/** The findings in their order, but the first of each kind before the second of any. */
function eachKindFirst(found: readonly Finding[]): Finding[] {
  const seen = new Map<string, number>();
  const ranked = found.map((finding) => {
    const rank = seen.get(finding.code) ?? 0;
    seen.set(finding.code, rank + 1);
    return { finding, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ finding }) => finding);
}

function FirstSite({ network }: { network: string }) {
  return (
    <Section title="The first sites">
      <p className="fl-subtle">
        A site joins with a token. Two sites are enough to use a service of one at the other.
      </p>
      <ol className="fl-steps">
        <li>
          <p>
            Make a token for two sites, with this command or{" "}
            <Link to="/networks/$network/tokens" params={{ network }} search={{}}>
              on the page of tokens
            </Link>
            .
          </p>
          <CommandHint command={fairlead("token", "create", "--uses", "2", "-o", "token.yaml")} />
        </li>
        <li>
          <p>Start a connector where the clients are.</p>
          <CommandHint command="fairlead connector run --site west --token token.yaml" />
        </li>
        <li>
          <p>Start another where the server is, and offer the server.</p>
          <CommandHint command="fairlead connector run --site east --token token.yaml --expose api=127.0.0.1:9000" />
        </li>
      </ol>
    </Section>
  );
}

interface Part {
  readonly text: string;
  readonly tone?: "fl-bad" | "fl-warning";
}

/** The parts of a count that are not zero. */
const partsOf = (...parts: readonly (readonly [number, string, Part["tone"]?])[]): Part[] =>
  parts
    .filter(([count]) => count > 0)
    .map(([count, word, tone]) => ({ text: `${count} ${word}`, ...(tone === undefined ? {} : { tone }) }));

function Tiles({ status: { sites, links, services }, network }: { status: NetworkStatus; network: string }) {
  const sitesIn = (state: string) => sites.filter((site) => site.state === state).length;
  const stopped = sites.filter((site) => site.state === "down" && site.stopped === true).length;
  const linksUp = links.filter(({ state }) => state === "up").length;
  const reachable = services.filter((service) => service.sites.some(({ state }) => state === "up"));
  const ill = reachable.filter((service) => service.sites.some(({ down = [] }) => down.length > 0)).length;
  const connectors = sites.reduce((sum, { instances }) => sum + instances.length, 0);
  return (
    <div className="fl-tiles">
      <Link to="/networks/$network/sites" params={{ network }} search={{}} className="fl-tile">
        <Tile
          label="Sites"
          figure={sites.length}
          parts={partsOf(
            [sitesIn("up"), "up"],
            [sitesIn("down") - stopped, "down", "fl-bad"],
            [stopped, "stopped"],
            [sitesIn("new"), "not joined"],
            [sitesIn("revoked"), "revoked"],
          )}
        />
      </Link>
      <Link to="/networks/$network/sites" params={{ network }} search={{}} className="fl-tile">
        <Tile
          label="Connectors"
          figure={connectors}
          parts={[{ text: `at ${counted(sitesIn("up"), "site")}` }]}
        />
      </Link>
      <Link to="/networks/$network/links" params={{ network }} search={{}} className="fl-tile">
        <Tile
          label="Links"
          figure={links.length}
          parts={partsOf([linksUp, "up"], [links.length - linksUp, "down", "fl-bad"])}
        />
      </Link>
      <Link to="/networks/$network/services" params={{ network }} search={{}} className="fl-tile">
        <Tile
          label="Services"
          figure={services.length}
          parts={partsOf(
            [reachable.length - ill, "available"],
            [ill, "with targets down", "fl-warning"],
            [services.length - reachable.length, "unavailable", "fl-bad"],
          )}
        />
      </Link>
    </div>
  );
}

function Tile({ label, figure, parts }: { label: string; figure: number; parts: readonly Part[] }) {
  return (
    <>
      <span className="fl-tile__label">{label}</span>
      <span className="fl-tile__figure">{figure}</span>
      <span className="fl-tile__parts">
        {parts.map(({ text, tone }) => (
          <span key={text} className={tone ?? "fl-subtle"}>
            {text}
          </span>
        ))}
      </span>
    </>
  );
}
