/** One site: its connectors, links, certificates, services and listeners. */
import { useMutation } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { Link as NetworkLink } from "../../../../../protocol/api/links.ts";
import type { Site } from "../../../../../protocol/api/sites.ts";
import { apiPath, send } from "../../api/client.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import { latencyText } from "../../format/quantity.ts";
import { useEvents, useSilent, useStatus, useTraffic } from "../../live/use-live.tsx";
import { ActionButton } from "../../parts/action-button.tsx";
import { Age, Since } from "../../parts/age.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import { EventList } from "../../parts/event-list.tsx";
import { Fact, Facts } from "../../parts/facts.tsx";
import { FindingList } from "../../parts/finding-card.tsx";
import { Name, ServiceName, SiteName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { RoundTrip } from "../../parts/round-trip.tsx";
import { Section } from "../../parts/section.tsx";
import { SimpleTable } from "../../parts/simple-table.tsx";
import { LinkState, SiteState, StateLabel } from "../../parts/state-label.tsx";
import { OUTCOMES, useFindings, useSilentSites } from "../../parts/use-findings.ts";
import { Waiting } from "../../parts/waiting.tsx";

const SHOWN_EVENTS = 12;

export default function SitePage() {
  const { network, site: name } = useParams({ from: "/networks/$network/sites/$site" });
  const status = useStatus();
  if (status === null) {
    return (
      <>
        <PageHeader title={name} isName />
        <Waiting what="the site" rows={6} />
      </>
    );
  }
  const site = status.sites.find((each) => each.name === name || each.id === name);
  if (site === undefined) {
    return (
      <>
        <PageHeader title={name} isName />
        <Nothing
          title="No such site"
          command={fairlead("site", "list")}
          actions={
            <Link to="/networks/$network/sites" params={{ network }} search={{}}>
              All sites
            </Link>
          }
        >
          The network has no site of this name. It may have been renamed or deleted.
        </Nothing>
      </>
    );
  }
  return <SiteDetail site={site} links={status.links} network={network} />;
}

interface SiteDetailProps {
  readonly site: Site;
  readonly links: readonly NetworkLink[];
  readonly network: string;
}

function SiteDetail({ site, links, network }: SiteDetailProps) {
  const silent = useSilentSites();
  const { traffic } = useTraffic(OUTCOMES);
  const found = (useFindings(traffic) ?? []).filter(
    ({ subject, at }) =>
      subject.id === site.id || at === site.name || (subject.kind === "site" && subject.name === site.name),
  );
  const events = useEvents().filter((event) => event.site === site.name);
  const own = links.filter(({ joiner, issuer }) => joiner === site.name || issuer === site.name);
  return (
    <>
      <PageHeader
        title={site.name}
        isName
        badge={<SiteState site={site} isSilent={silent.has(site.id)} />}
        command={fairlead("site", "status", site.name)}
        actions={<SiteActions site={site} network={network} />}
      />
      {found.length === 0 ? null : (
        <Section title="What to do">
          <FindingList findings={found} />
        </Section>
      )}
      <About site={site} />
      <Connectors site={site} />
      <Links links={own} />
      <div className="fl-columns">
        <Services site={site} />
        <Listeners site={site} />
      </div>
      <Section
        title="Recent events"
        aside={
          <Link to="/networks/$network/events" params={{ network }} search={{ site: site.name }}>
            All events of the site
          </Link>
        }
      >
        {events.length === 0 ? (
          <p className="fl-subtle">No recent event is about this site.</p>
        ) : (
          <EventList events={events.slice(-SHOWN_EVENTS).reverse()} />
        )}
      </Section>
    </>
  );
}

function About({ site }: { site: Site }) {
  return (
    <Section title="Site">
      <Facts>
        <Fact term="State for">
          <Since at={site.since} />
        </Fact>
        <Fact term="Created">
          <Age at={site.createdAt} />
        </Fact>
        <Fact term="Certificate ends">
          {site.certificateExpiresAt === null ? "none yet" : <Age at={site.certificateExpiresAt} />}
        </Fact>
        <Fact term="May offer">
          {site.mayOffer === null ? (
            "Every service"
          ) : (
            <span className="fl-mono">{site.mayOffer.join(", ")}</span>
          )}
        </Fact>
        <Fact term="Id" isWide>
          <span className="fl-mono">{site.id}</span>
        </Fact>
      </Facts>
    </Section>
  );
}

function Connectors({ site }: { site: Site }) {
  const silent = useSilent();
  const heardAt = new Map(silent.map((each) => [each.boot, each.heardAt]));
  return (
    <Section title="Connectors">
      {site.instances.length === 0 ? (
        <NoConnector site={site} />
      ) : (
        <SimpleTable
          label="Connectors"
          head={[
            "Connector",
            "State",
            "Connected for",
            { label: "Round trip", isNumber: true },
            { label: "Software", isName: true },
          ]}
          rows={site.instances.map(({ boot, since, software, rtt }) => {
            const heard = heardAt.get(boot);
            return {
              key: boot,
              cells: [
                <span key="boot" className="fl-mono" title={boot}>
                  {boot.slice(0, 9)}
                </span>,
                heard === undefined ? (
                  <StateLabel key="state" tone="good">
                    up
                  </StateLabel>
                ) : (
                  <span key="state" className="fl-state">
                    <StateLabel tone="warning">silent</StateLabel>
                    <span>
                      last heard <Age at={heard} />
                    </span>
                  </span>
                ),
                <Since key="since" at={since} />,
                rtt === null || rtt === undefined ? "–" : latencyText(rtt),
                <Name key="software">{software}</Name>,
              ],
            };
          })}
        />
      )}
    </Section>
  );
}

/** Why no connector is connected, and what connects the first. */
function NoConnector({ site: { name, state } }: { site: Site }) {
  if (state === "revoked")
    return <p className="fl-subtle">The site was revoked, so none of its connectors can connect.</p>;
  if (state === "new") {
    return (
      <Nothing
        isPart
        title="No connector has joined"
        command={fairlead("connector", "run", "--site", name, "--token", `${name}.yaml`)}
      >
        Start one at the site, with the token that was made for it.
      </Nothing>
    );
  }
  return (
    <Nothing isPart title="No connector is connected" command={fairlead("connector", "run", "--site", name)}>
      Start the connector at the site.
    </Nothing>
  );
}

function Links({ links }: { links: readonly NetworkLink[] }) {
  return (
    <Section title="Links">
      {links.length === 0 ? (
        <p className="fl-subtle">No link connects this site with another one.</p>
      ) : (
        <SimpleTable
          label="Links"
          head={[
            { label: "Link", isName: true },
            { label: "From", isName: true },
            { label: "To", isName: true },
            "State",
            { label: "For", noWrap: true },
            { label: "Cost", isNumber: true },
            { label: "Round trip", isNumber: true },
          ]}
          rows={links.map((link) => ({
            key: link.id,
            cells: [
              <Name key="name">{link.name}</Name>,
              <SiteName key="joiner" name={link.joiner} />,
              link.issuer === "network" ? (
                <Name key="issuer">the network</Name>
              ) : (
                <SiteName key="issuer" name={link.issuer} />
              ),
              <LinkState key="state" link={link} />,
              <Since key="since" at={link.since} />,
              link.cost,
              <RoundTrip key="rtt" link={link} />,
            ],
          }))}
        />
      )}
    </Section>
  );
}

/** What a site said of itself holds until it goes. */
function LastKnown({ site }: { site: Site }) {
  if (site.state === "up") return null;
  return (
    <span className="fl-subtle">
      As of <Age at={site.since} />
    </span>
  );
}

function Services({ site }: { site: Site }) {
  const refused = site.refused ?? [];
  const isUp = site.state === "up";
  return (
    <Section title="Services offered" aside={<LastKnown site={site} />}>
      {site.services.length === 0 && refused.length === 0 ? (
        isUp ? (
          <Nothing isPart title="No service" command="fairlead expose api=127.0.0.1:9000">
            Offer a server of this site: run the command there.
          </Nothing>
        ) : (
          <p className="fl-subtle">This site offers no service.</p>
        )
      ) : (
        <SimpleTable
          label="Services offered"
          head={[{ label: "Service", isName: true }, "State"]}
          rows={[
            ...site.services.map((service) => ({
              key: service,
              cells: [
                <ServiceName key="name" name={service} />,
                <StateLabel key="state" tone={isUp ? "good" : "off"}>
                  {isUp ? "offered" : "site is not up"}
                </StateLabel>,
              ],
            })),
            ...refused.map(({ name, message }) => ({
              key: `refused ${name}`,
              cells: [
                <Name key="name">{name}</Name>,
                <span key="state" className="fl-state">
                  <StateLabel tone="bad">refused</StateLabel>
                  <bdi>{message}</bdi>
                </span>,
              ],
            })),
          ]}
        />
      )}
    </Section>
  );
}

function Listeners({ site }: { site: Site }) {
  return (
    <Section title="Listeners" aside={<LastKnown site={site} />}>
      {site.listeners.length === 0 ? (
        <p className="fl-subtle">This site listens for no service of other sites.</p>
      ) : (
        <SimpleTable
          label="Listeners"
          head={[{ label: "Service", isName: true }, "Address", "State"]}
          rows={site.listeners.map(({ service, address, state, message }) => ({
            key: `${service} ${address}`,
            cells: [
              <ServiceName key="name" name={service} />,
              <bdi key="address" className="fl-mono fl-address">
                {address}
              </bdi>,
              <ListenerState key="state" isUp={site.state === "up"} state={state} message={message} />,
            ],
          }))}
        />
      )}
    </Section>
  );
}

interface ListenerStateProps {
  readonly isUp: boolean;
  readonly state: Site["listeners"][number]["state"];
  readonly message: string | undefined;
}

function ListenerState({ isUp, state, message }: ListenerStateProps) {
  if (!isUp) return <StateLabel tone="off">site is not up</StateLabel>;
  return (
    <span className="fl-state">
      <StateLabel tone={state === "failed" ? "bad" : "good"}>{state}</StateLabel>
      {message === undefined ? null : <bdi>{message}</bdi>}
    </span>
  );
}

function SiteActions({ site, network }: { site: Site; network: string }) {
  const refused = useRefusal(network, "operator");
  const [isOpen, setOpen] = useState(false);
  const isRevoked = site.state === "revoked";
  const base = apiPath`/v1/networks/${network}/sites/${site.id}`;
  const action = useMutation({
    mutationFn: () =>
      isRevoked ? send(base, { method: "DELETE" }) : send(`${base}/revoke`, { method: "POST" }),
    onSuccess: () => setOpen(false),
  });
  const verb = isRevoked ? "Delete" : "Revoke";
  return (
    <>
      <ActionButton variant="secondary" isDanger refused={refused} onClick={() => setOpen(true)}>
        {verb} site
      </ActionButton>
      {isOpen ? (
        <Confirm
          title={`${verb} site ${site.name}?`}
          action={verb}
          typed={site.name}
          command={fairlead("site", isRevoked ? "delete" : "revoke", site.name, "--yes")}
          isPending={action.isPending}
          error={action.error}
          onConfirm={() => action.mutate()}
          onClose={() => {
            action.reset();
            setOpen(false);
          }}
        >
          {isRevoked
            ? "The site disappears from the network, and its name is free again."
            : "Its connectors are cut off at once, open connections through it end, and it can never come back under its present identity."}
        </Confirm>
      ) : null}
    </>
  );
}
