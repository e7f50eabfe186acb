/** The topology of a network: sites, the edge and links, or services and the traffic between components. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Spinner } from "@patternfly/react-core/dist/esm/components/Spinner";
import { ToggleGroup, ToggleGroupItem } from "@patternfly/react-core/dist/esm/components/ToggleGroup";
import TopologyIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-topology-icon";
import { lazy, Suspense, useCallback, useMemo, useRef } from "react";
import { OUTCOME_LABELS, type Traffic } from "../../../../../protocol/api/traffic.ts";
import type { Finding } from "../../../../../protocol/diagnosis/finding.ts";
import { fairlead } from "../../format/command.ts";
import { counted } from "../../format/quantity.ts";
import { searched } from "../../format/search.ts";
import { useSilent, useStatus, useTraffic } from "../../live/use-live.tsx";
import { useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { OUTCOMES, useFindings } from "../../parts/use-findings.ts";
import { busiest, MAX_SERVICES, servicesOf, withServices } from "../../topology/busiest.ts";
import { type ServiceGraph, serviceGraph } from "../../topology/service-graph.ts";
import { type SiteGraph, siteGraph } from "../../topology/site-graph.ts";
import { MAX_FRAME } from "../../topology/site-layout.ts";
import { ServicesLegend, SitesLegend } from "./legend.tsx";
import { lookOf, stateText } from "./site-nodes.tsx";
import { TopologyList } from "./topology-list.tsx";
import { TopologyPanel } from "./topology-panel.tsx";
import { TopologySearch } from "./topology-search.ts";
import { Trouble } from "./trouble.tsx";
import "./topology.css";

const SitesView = lazy(() => import("./sites-view.tsx"));
const ServicesView = lazy(() => import("./services-view.tsx"));

/** Sites are drawn in groups among the services where there are more, unless the URL says otherwise. */
const MAX_SINGLE_SITES = 16;

const NO_SERVICES: ServiceGraph = { nodes: [], edges: [] };

export default function TopologyPage() {
  const [search, change] = useParameters(TopologySearch);
  const status = useStatus();
  const by = search.by ?? ((status?.sites.length ?? 0) > MAX_SINGLE_SITES ? "group" : "site");
  const view = search.view ?? (matchMedia("(max-width: 600px)").matches ? "list" : "sites");
  return (
    <div className={view === "list" ? "fl-topology" : "fl-topology fl-topology--graph"}>
      <PageHeader title="Topology" />
      <div className="fl-topology__bar">
        <ToggleGroup aria-label="View">
          {(["sites", "services", "list"] as const).map((each) => (
            <ToggleGroupItem
              key={each}
              text={{ sites: "Sites", services: "Services", list: "List" }[each]}
              buttonId={`view-${each}`}
              isSelected={view === each}
              onChange={() => change({ view: each, show: undefined })}
            />
          ))}
        </ToggleGroup>
        {view === "services" ? (
          <ToggleGroup aria-label="Components">
            {(["group", "site", "process"] as const).map((each) => (
              <ToggleGroupItem
                key={each}
                text={{ group: "By group", site: "By site", process: "By process" }[each]}
                buttonId={`by-${each}`}
                isSelected={by === each}
                onChange={() => change({ by: each, show: undefined })}
              />
            ))}
          </ToggleGroup>
        ) : null}
        <SearchInput
          className="fl-topology__find"
          aria-label="Find"
          placeholder="Find: name, state:down"
          value={search.find}
          onChange={(_, find) => change({ find })}
          onClear={() => change({ find: "" })}
        />
        <SearchInput
          className="fl-topology__find"
          aria-label="Hide"
          placeholder="Hide: state:up"
          value={search.hide}
          onChange={(_, hide) => change({ hide })}
          onClear={() => change({ hide: "" })}
        />
      </div>
      {status === null ? (
        <Spinner aria-label="Waiting for the network" />
      ) : status.sites.length === 0 ? (
        <Nothing
          title="This network has no sites yet"
          icon={TopologyIcon}
          command={fairlead("token", "create", "-o", "token.yaml")}
        >
          Create a token, take it to a machine or a cluster, and run a connector there with{" "}
          <code>fairlead connector run --site west --token token.yaml</code>. It appears here at once.
        </Nothing>
      ) : view === "services" ? (
        <WithTraffic by={by} view={view} search={search} change={change} />
      ) : (
        <Body view={view} kind="" services={NO_SERVICES} search={search} change={change} />
      )}
    </div>
  );
}

interface BodyProps {
  readonly view: "sites" | "services" | "list";
  readonly services: ServiceGraph;
  /** The traffic of the network, where the view shows it. */
  readonly traffic?: Traffic | null;
  /** Changes when the components of the services are others. */
  readonly kind: string;
  readonly search: TopologySearch;
  readonly change: (change: Partial<TopologySearch>) => void;
}

function WithTraffic({
  by,
  ...rest
}: Omit<BodyProps, "services" | "traffic" | "kind"> & { by: "group" | "site" | "process" }) {
  const status = useStatus();
  const { traffic, phase } = useTraffic(by === "process" ? BY_PROCESS : OUTCOMES);
  const services = useMemo(() => {
    if (status === null) return NO_SERVICES;
    if (by !== "group") return serviceGraph(status, traffic, { by });
    const groups = new Map(siteGraph(status).sites.map(({ name, group }) => [name, group]));
    return serviceGraph(status, traffic, { by: "site", groupOf: (site) => groups.get(site) ?? null });
  }, [status, traffic, by]);
  // Places are given once traffic is known, or cannot be.
  if (traffic === null && phase?.state !== "lost") return <Spinner aria-label="Waiting for traffic" />;
  if (services.nodes.length === 0) {
    return (
      <Nothing title="No service is offered yet" command={fairlead("expose", "web=127.0.0.1:8080")}>
        Run this command at a site. Its service and who calls it appear here at once.
      </Nothing>
    );
  }
  return <Body {...rest} kind={`${by} ${traffic === null}`} services={services} traffic={traffic} />;
}

const BY_PROCESS = { window: "15m", by: `process,target,${OUTCOME_LABELS}` } as const;

function Body({ view, services, traffic = null, kind, search, change }: BodyProps) {
  const network = useNetworkName();
  const status = useStatus();
  const silent = useSilent();
  const wrong = useFindings(traffic) ?? NO_FINDINGS;
  const all = useMemo(
    () => (status === null ? EMPTY : siteGraph(status, silentSites(status, silent))),
    [status, silent],
  );
  const found = useMemo(
    () => (view === "services" ? findServices(services, search.find) : findSites(all, search.find)),
    [view, services, all, search.find],
  );
  const { sites, most } = useMemo(
    () => ({
      sites: view === "services" ? all : hideSites(all, search.hide),
      most: view === "services" ? hideServices(services, search.hide) : services,
    }),
    [view, all, services, search.hide],
  );
  const shown = useBusiest(most, kind, search.services === "all", found, search.show);
  const left = servicesIn(most) - servicesIn(shown);
  const looks = useMemo(() => new Set(sites.sites.map(lookOf)), [sites]);
  const onChoose = useCallback(
    (id: string | null) => {
      if (id === null || !/^(box|uplink):/.test(id)) change({ show: id ?? undefined });
    },
    [change],
  );
  if (status === null) return null;
  const chosen = search.show ?? null;
  return (
    <>
      <Trouble
        findings={wrong}
        chosen={chosen}
        onShow={(to, show) => change({ ...(to === view ? {} : { view: to }), show })}
      />
      {view === "list" ? (
        <TopologyList graph={sites} found={found} />
      ) : (
        <div className={chosen === null ? "fl-topology__stage" : "fl-topology__stage has-panel"}>
          <Suspense fallback={<Spinner aria-label="Loading the graph" />}>
            {view === "sites" ? (
              <SitesView network={network} graph={sites} found={found} chosen={chosen} onChoose={onChoose} />
            ) : (
              <ServicesView graph={shown} kind={kind} found={found} chosen={chosen} onChoose={onChoose} />
            )}
          </Suspense>
          {chosen === null ? null : (
            <TopologyPanel
              status={status}
              sites={all}
              services={services}
              findings={wrong}
              chosen={chosen}
              onChoose={onChoose}
            />
          )}
        </div>
      )}
      <div className="fl-topology__foot">
        {view === "services" ? <ServicesLegend /> : null}
        {view === "services" && (left > 0 || search.services === "all") && servicesIn(most) > MAX_SERVICES ? (
          <Button
            variant="link"
            isInline
            className="fl-topology__more"
            onClick={() => change({ services: left > 0 ? "all" : undefined })}
          >
            {left > 0 ? `Draw all ${servicesIn(most)} services` : "Draw the broken and the busiest"}
          </Button>
        ) : null}
        {view === "sites" ? <SitesLegend looks={looks} hasUplinks={sites.sites.length <= MAX_FRAME} /> : null}
        <p className="fl-subtle fl-topology__count" role="status">
          {countText(view, sites, all, shown, left, found, wrong)}
        </p>
      </div>
    </>
  );
}

const servicesIn = ({ nodes }: ServiceGraph) => nodes.filter(({ kind }) => kind === "service").length;

/** What was found is drawn in any case, unless it is more than this. */
const MAX_SOUGHT = 40;

/** The services that are drawn: all of them, or the broken, the busiest, the found and the chosen ones. */
function useBusiest(
  graph: ServiceGraph,
  kind: string,
  isAll: boolean,
  found: ReadonlySet<string> | null,
  chosen: string | undefined,
): ServiceGraph {
  const last = useRef<{ readonly kind: string; readonly ids: ReadonlySet<string> }>({ kind, ids: new Set() });
  return useMemo(() => {
    if (isAll || servicesIn(graph) <= MAX_SERVICES) return graph;
    const ids = busiest(graph, last.current.kind === kind ? last.current.ids : undefined);
    last.current = { kind, ids };
    const sought = found !== null && found.size <= MAX_SOUGHT ? [...found] : [];
    const asked = new Set(chosen === undefined ? sought : [...sought, chosen]);
    return withServices(graph, new Set([...ids, ...servicesOf(graph, asked)]));
  }, [graph, kind, isAll, found, chosen]);
}

const NO_FINDINGS: readonly Finding[] = [];

const EMPTY: SiteGraph = { sites: [], links: [] };

/** Sites of which every instance is silent, with the time when one was last heard. */
function silentSites(
  status: { readonly sites: SiteStatus[] },
  silent: readonly { readonly boot: string; readonly heardAt: string }[],
): ReadonlyMap<string, string> {
  const heard = new Map(silent.map(({ boot, heardAt }) => [boot, heardAt]));
  return new Map(
    status.sites.flatMap(({ id, instances }): [string, string][] => {
      const times = instances.flatMap(({ boot }) => heard.get(boot) ?? []).sort();
      const last = times.at(-1);
      return last === undefined || times.length < instances.length ? [] : [[id, last]];
    }),
  );
}

type SiteStatus = { readonly id: string; readonly instances: readonly { readonly boot: string }[] };

const fieldsOfSite = (site: SiteGraph["sites"][number]) => ({
  name: site.name,
  state: stateText(site),
  group: site.group,
});

function findSites({ sites }: SiteGraph, find: string): ReadonlySet<string> | null {
  return find.trim() === "" ? null : new Set(searched(sites, find, fieldsOfSite).map(({ id }) => id));
}

function hideSites(graph: SiteGraph, hide: string): SiteGraph {
  if (hide.trim() === "") return graph;
  const hidden = new Set(searched(graph.sites, hide, fieldsOfSite).map(({ id }) => id));
  return {
    sites: graph.sites.filter(({ id }) => !hidden.has(id)),
    links: graph.links.filter(({ joiner, issuer }) => !hidden.has(joiner) && !hidden.has(issuer)),
  };
}

const fieldsOfPart = (part: ServiceGraph["nodes"][number]) => ({
  name: part.label,
  kind: part.kind,
  state: part.kind === "service" ? part.health : part.state,
  site: part.kind === "service" ? null : part.site,
});

function findServices({ nodes }: ServiceGraph, find: string): ReadonlySet<string> | null {
  return find.trim() === "" ? null : new Set(searched(nodes, find, fieldsOfPart).map(({ id }) => id));
}

function hideServices(graph: ServiceGraph, hide: string): ServiceGraph {
  if (hide.trim() === "") return graph;
  const hidden = new Set(searched(graph.nodes, hide, fieldsOfPart).map(({ id }) => id));
  return {
    nodes: graph.nodes.filter(({ id }) => !hidden.has(id)),
    edges: graph.edges.filter(({ from, to }) => !hidden.has(from) && !hidden.has(to)),
  };
}

function countText(
  view: string,
  sites: SiteGraph,
  all: SiteGraph,
  services: ServiceGraph,
  left: number,
  found: ReadonlySet<string> | null,
  wrong: readonly Finding[],
): string {
  const parts =
    view === "services"
      ? [
          left > 0
            ? `${servicesIn(services)} of ${servicesIn(services) + left} services: broken and busiest`
            : counted(servicesIn(services), "service"),
          "requests or connections, and bytes, a second",
        ]
      : [counted(sites.sites.length, "site"), counted(sites.links.length, "link")];
  if (view !== "services" && sites.sites.length < all.sites.length)
    parts.push(`${all.sites.length - sites.sites.length} hidden`);
  if (found !== null) parts.push(`${found.size} found`);
  if (wrong.every(({ severity }) => severity === "notice")) parts.push("everything works");
  return parts.join(" · ");
}
