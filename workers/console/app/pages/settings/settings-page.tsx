/** The settings of a network, and what the edge is. */
import { Progress } from "@patternfly/react-core/dist/esm/components/Progress";
import { useQuery } from "@tanstack/react-query";
import { Quotas } from "../../../../../protocol/api/quotas.ts";
import { consoleUsersQuery, hostnamesQuery, quotasQuery, sessionQuery } from "../../api/queries.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import { exactText } from "../../format/quantity.ts";
import { useStatus } from "../../live/use-live.tsx";
import { Age, AsOf } from "../../parts/age.tsx";
import { CommandHint } from "../../parts/command-hint.tsx";
import { Fact, Facts } from "../../parts/facts.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Name, ServiceName, SiteName, useNetworkName } from "../../parts/name.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Section } from "../../parts/section.tsx";
import { SimpleTable } from "../../parts/simple-table.tsx";
import { StateLabel } from "../../parts/state-label.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import "./settings.css";

export default function SettingsPage() {
  const network = useNetworkName();
  return (
    <>
      <PageHeader title="Settings" />
      <div className="fl-columns">
        <About network={network} />
        <QuotaUse network={network} />
      </div>
      <Balances />
      <Hostnames network={network} />
      <Users />
    </>
  );
}

const MODES = {
  none: "off",
  unsecured: "without a sign-in, on this machine only",
  internal: "by user and password",
  oidc: "by your identity provider",
} as const;

function About({ network }: { network: string }) {
  const status = useStatus();
  const { data: session } = useQuery(sessionQuery);
  return (
    <Section title="About">
      <Facts>
        <Fact term="Network">
          <Name>{status?.network.name ?? network}</Name>
        </Fact>
        <Fact term="Created">{status === null ? "…" : <Age at={status.network.createdAt} />}</Fact>
        <Fact term="Network id" isWide>
          <span className="fl-mono">{status?.network.id ?? "…"}</span>
        </Fact>
        <Fact term="Edge version">{session?.version ?? "…"}</Fact>
        <Fact term="Sign-in" isWide>
          {session === undefined ? "…" : MODES[session.mode]}
        </Fact>
        <Fact term="Edge address" isWide>
          <span className="fl-mono">{location.origin}</span>
        </Fact>
      </Facts>
      <CommandHint command="fairlead version" />
    </Section>
  );
}

/** What each quota limits. */
const QUOTAS: Readonly<Record<keyof Quotas, string>> = {
  sites: "Sites",
  services: "Services",
  tokens: "Tokens that admit",
  sessions: "Sessions",
  events: "Events kept",
  uplinks: "Connectors of one site",
};

function QuotaUse({ network }: { network: string }) {
  const quotas = useQuery(quotasQuery(network));
  return (
    <Section title="Quotas" aside={<AsOf at={quotas.dataUpdatedAt} />}>
      {quotas.error !== null ? (
        <Failure error={quotas.error} retry={() => void quotas.refetch()} />
      ) : quotas.data === undefined ? (
        <Waiting what="quotas" />
      ) : (
        <div className="fl-quotas">
          {Quotas.keyof().options.map((quota) => {
            const limit = quotas.data.limits[quota];
            const used = quotas.data.used[quota] ?? 0;
            return (
              <Progress
                key={quota}
                id={`quota-${quota}`}
                size="sm"
                title={QUOTAS[quota]}
                max={Math.max(1, limit)}
                value={Math.min(used, limit)}
                label={`${exactText(used)} of ${exactText(limit)}`}
                valueText={`${exactText(used)} of ${exactText(limit)}`}
                measureLocation="top"
                {...(used >= limit && quota !== "events" ? { variant: "danger" as const } : {})}
              />
            );
          })}
        </div>
      )}
      <CommandHint command={fairlead("network", "quota", network)} />
    </Section>
  );
}

const BALANCES = { cost: "cheapest path first", priority: "in an order", weighted: "by weights" } as const;

function Balances() {
  const status = useStatus();
  const services = status?.services ?? [];
  return (
    <Section title="Balancing">
      {services.length === 0 ? (
        <p className="fl-subtle">The network has no service.</p>
      ) : (
        <SimpleTable
          label="Balancing"
          head={[
            { label: "Service", isName: true },
            "Clients choose",
            "Set by",
            { label: "Sites", isName: true },
          ]}
          rows={services.map(({ name, balance, sites }) => ({
            key: name,
            cells: [
              <ServiceName key="name" name={name} />,
              BALANCES[balance?.mode ?? "cost"],
              balance?.isSet === true ? "an operator" : "the offering sites",
              <span key="sites" className="fl-site-list">
                {sites.map((site) => (
                  <SiteName key={site.name} name={site.name} />
                ))}
              </span>,
            ],
          }))}
        />
      )}
      <CommandHint command={fairlead("service", "balance", services[0]?.name ?? "web")} />
    </Section>
  );
}

function Hostnames({ network }: { network: string }) {
  const hostnames = useQuery(hostnamesQuery(network));
  return (
    <Section title="Hostnames" aside={<AsOf at={hostnames.dataUpdatedAt} />}>
      {hostnames.error !== null ? (
        <Failure error={hostnames.error} retry={() => void hostnames.refetch()} />
      ) : hostnames.data === undefined ? (
        <Waiting what="hostnames" />
      ) : hostnames.data.length === 0 ? (
        <p className="fl-subtle">
          No hostname is granted to the network, so none of its services is published.
        </p>
      ) : (
        <SimpleTable
          label="Hostnames"
          head={[
            { label: "Hostname", isName: true },
            { label: "Published service", isName: true },
            "Access",
            { label: "At", isName: true },
          ]}
          rows={hostnames.data.flatMap(({ pattern, published }) =>
            published.length === 0
              ? [{ key: pattern, cells: [<Name key="name">{pattern}</Name>, "nothing", "–", "–"] }]
              : published.map((each) => ({
                  key: `${pattern} ${each.hostname}`,
                  cells: [
                    <Name key="name">{each.hostname}</Name>,
                    <ServiceName key="service" name={each.service} />,
                    <StateLabel key="access" tone={each.access === "open" ? "warning" : "good"}>
                      {each.access}
                    </StateLabel>,
                    <Name key="sites">{each.sites.join(", ")}</Name>,
                  ],
                })),
          )}
        />
      )}
      <CommandHint command={fairlead("hostname", "add", "shop.example.com")} />
    </Section>
  );
}

/** Users of the console, for admins of a console with users of its own. */
function Users() {
  const refused = useRefusal(null, "admin");
  const { data: session } = useQuery(sessionQuery);
  const isShown = refused === null && session?.mode === "internal";
  const users = useQuery({ ...consoleUsersQuery, enabled: isShown });
  if (!isShown) return null;
  return (
    <Section title="Users of the console" aside={<AsOf at={users.dataUpdatedAt} />}>
      {users.error !== null ? (
        <Failure error={users.error} retry={() => void users.refetch()} />
      ) : users.data === undefined ? (
        <Waiting what="users" />
      ) : (
        <SimpleTable
          label="Users of the console"
          head={[
            { label: "User", isName: true },
            "Role",
            { label: "Networks", isName: true },
            { label: "Created", noWrap: true },
          ]}
          rows={users.data.map(({ name, role, networks, createdAt }) => ({
            key: name,
            cells: [
              <Name key="name">{name}</Name>,
              role,
              networks === null ? "all" : <Name key="networks">{networks.join(", ")}</Name>,
              <Age key="created" at={createdAt} />,
            ],
          }))}
        />
      )}
      <CommandHint command={fairlead("console", "user", "set", "anna", "--role", "operator")} />
    </Section>
  );
}
