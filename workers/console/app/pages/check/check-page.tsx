/** The check of a path: whether the clients of a site reach a service, step by step. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect";
import OkIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-circle-fill-icon";
import BrokenIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-error-fill-icon";
import SkippedIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-minus-circle-icon";
import UnknownIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-question-mark-circle-icon";
import { type ReactNode, useDeferredValue, useMemo } from "react";
import * as z from "zod";
import {
  checkPath,
  type PathCheck,
  type PathStep,
  type StepId,
  type StepState,
} from "../../../../../protocol/diagnosis/path-check.ts";
import { visible } from "../../../../../protocol/text.ts";
import { fairlead } from "../../format/command.ts";
import { useSilent, useStatus, useTraffic } from "../../live/use-live.tsx";
import { Age, Since } from "../../parts/age.tsx";
import { CommandHint, Sentence } from "../../parts/command-hint.tsx";
import { Name, ServiceName, SiteName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Section } from "../../parts/section.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { OUTCOMES } from "../../parts/use-findings.ts";
import { Waiting } from "../../parts/waiting.tsx";
import "./check.css";

const Search = z.object({
  from: z.string().max(63).default("").catch(""),
  service: z.string().max(63).default("").catch(""),
});

export default function CheckPage() {
  const [search, change] = useParameters(Search);
  const status = useStatus();
  const silent = useSilent();
  const { traffic } = useTraffic(OUTCOMES);
  const sites = status?.sites.filter(({ state }) => state !== "revoked").map(({ name }) => name) ?? [];
  const services = status?.services.map(({ name }) => name) ?? [];
  const from = search.from || (sites[0] ?? "");
  const service =
    search.service || (services.find((name) => isElsewhere(status, name, from)) ?? services[0] ?? "");
  const check = useMemo(
    () =>
      status === null || from === "" || service === ""
        ? null
        : checkPath(status, from, service, { silent, ...(traffic === null ? {} : { traffic }) }),
    [status, silent, traffic, from, service],
  );
  return (
    <>
      <PageHeader
        title="Check a path"
        {...(check === null ? {} : { command: fairlead("check", service, "--from", from) })}
      >
        Whether the clients of a site reach a service, and what to do if they do not. The result is live.
      </PageHeader>
      {status === null ? (
        <Waiting what="the network" />
      ) : sites.length === 0 ? (
        <Nothing
          title="This network has no sites yet"
          command={fairlead("token", "create", "-o", "token.yaml")}
        >
          Create a token, and run a connector with it on a machine or in a cluster.
        </Nothing>
      ) : services.length === 0 ? (
        <Nothing title="No service is offered yet" command={fairlead("expose", "web=127.0.0.1:8080")}>
          Run this command at a site. Then check here how the other sites reach it.
        </Nothing>
      ) : (
        <>
          <div className="fl-check__choice">
            <div>
              <label htmlFor="check-from">From site</label>
              <Choice
                value={from}
                names={sites}
                id="check-from"
                onChange={(name) => change({ from: name })}
              />
            </div>
            <div>
              <label htmlFor="check-service">To service</label>
              <Choice
                value={service}
                names={services}
                id="check-service"
                onChange={(name) => change({ service: name })}
              />
            </div>
          </div>
          {from === "" ? null : <Others from={from} onChoose={(name) => change({ service: name })} />}
          {check === null ? null : (
            <Result
              check={check}
              offering={
                status.services.find(({ name }) => name === service)?.sites.map(({ name }) => name) ?? []
              }
              at={traffic?.at ?? null}
            />
          )}
        </>
      )}
    </>
  );
}

/** Whether a site other than one offers a service. */
function isElsewhere(status: ReturnType<typeof useStatus>, service: string, site: string): boolean {
  return (
    status?.services.find(({ name }) => name === service)?.sites.some(({ name }) => name !== site) ?? false
  );
}

interface ChoiceProps {
  readonly value: string;
  readonly names: readonly string[];
  readonly id: string;
  readonly onChange: (name: string) => void;
}

function Choice({ value, names, id, onChange }: ChoiceProps) {
  const all = names.includes(value) ? names : [value, ...names];
  return (
    <FormSelect id={id} value={value} onChange={(_, name) => onChange(name)}>
      {all.map((name) => (
        <FormSelectOption
          key={name}
          value={name}
          label={names.includes(name) ? visible(name) : `${visible(name)} (not in the network)`}
        />
      ))}
    </FormSelect>
  );
}

const LOOKS: Readonly<Record<StepState, { readonly Icon: typeof OkIcon; readonly word: string }>> = {
  ok: { Icon: OkIcon, word: "Works" },
  broken: { Icon: BrokenIcon, word: "Broken" },
  unknown: { Icon: UnknownIcon, word: "Not known" },
  skipped: { Icon: SkippedIcon, word: "Not checked" },
};

interface ResultProps {
  readonly check: PathCheck;
  /** Names of the sites that offer the service. */
  readonly offering: readonly string[];
  readonly at: string | null;
}

function Result({ check, offering, at }: ResultProps) {
  const { cause, from, service, addresses } = check;
  return (
    <>
      <section
        className={`fl-check__verdict fl-check__verdict--${cause === null ? "ok" : "broken"}`}
        aria-label="Result"
      >
        {cause === null ? <OkIcon /> : <BrokenIcon />}
        <div className="fl-check__said">
          <p className="fl-check__sentence" role="status">
            {cause === null ? (
              <>
                <bdi>{visible(from)}</bdi> reaches <bdi>{visible(service)}</bdi>
                {addresses.length === 0 ? "" : ` at ${addresses.map(visible).join(", ")}`}.
              </>
            ) : (
              <>
                <bdi>{visible(from)}</bdi> does not reach <bdi>{visible(service)}</bdi>:{" "}
                {lower(visible(cause.detail))}
              </>
            )}
          </p>
          {cause === null ? null : <Remedy step={cause} />}
        </div>
      </section>
      <Path check={check} offering={offering} />
      <Section title="Step by step">
        <ol className="fl-check__steps">
          {check.steps.map((step) => (
            <Step key={step.id} step={step} isCause={step === cause} />
          ))}
        </ol>
        {at === null ? null : (
          <p className="fl-subtle">
            Traffic was counted <Age at={at} />. Everything else is live.
          </p>
        )}
      </Section>
    </>
  );
}

/** A stage of the way from the clients to the targets, and the steps that look at it. */
interface Stage {
  readonly label: ReactNode;
  readonly what: string;
  readonly state: StepState;
}

const ORDER: readonly StepState[] = ["broken", "unknown", "ok", "skipped"];

function stagesOf({ steps, from, service, ends }: PathCheck, offering: readonly string[]): Stage[] {
  const stateOf = (...ids: StepId[]): StepState => {
    const states = steps.filter(({ id }) => ids.includes(id)).map(({ state }) => state);
    return ORDER.find((state) => states.includes(state)) ?? "ok";
  };
  const last = ends.at(-1);
  const server =
    last !== undefined && last !== "network" ? last : offering.length === 1 ? offering[0] : undefined;
  const clients = {
    label: <SiteName name={from} />,
    what: "Clients at site",
    state: stateOf("site", "uplink", "listener"),
  };
  const target = {
    label: <ServiceName name={service} />,
    what: "Service",
    // A service without traffic may work well.
    state: stateOf("traffic") === "broken" ? "broken" : stateOf("target"),
  };
  if (server === from)
    return [{ ...clients, state: stateOf("site", "uplink", "offer", "peer", "listener") }, target];
  return [
    clients,
    { label: "Edge", what: "Links over the", state: stateOf("links", "export") },
    {
      label: server === undefined ? serversText(offering.length) : <SiteName name={server} />,
      what: "Served at site",
      state: stateOf("offer", "peer"),
    },
    target,
  ];
}

const serversText = (count: number): string => (count === 0 ? "none" : `one of ${count}`);

/** The way from the clients to the targets: what works, and where it is broken. */
function Path({ check, offering }: { check: PathCheck; offering: readonly string[] }) {
  return (
    <ol className="fl-path" aria-label="The path">
      {stagesOf(check, offering).map(({ label, what, state }) => {
        const { Icon, word } = LOOKS[state];
        return (
          <li key={what} className={`fl-path__stage fl-path__stage--${state}`}>
            <div className="fl-path__box">
              <span className="fl-path__mark">
                <Icon aria-label={word} />
              </span>
              <span className="fl-path__text">
                <span className="fl-subtle">{what}</span>
                <strong>{label}</strong>
              </span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** The most services that are checked besides the chosen one. */
const MAX_OTHERS = 60;

interface OthersProps {
  readonly from: string;
  readonly onChoose: (service: string) => void;
}

/** Which services the site does not reach. A service that the site does not listen for is not meant to be reached. */
function Others({ from, onChoose }: OthersProps) {
  const status = useDeferredValue(useStatus());
  const silent = useDeferredValue(useSilent());
  const broken = useMemo(() => {
    if (status === null) return [];
    return status.services
      .slice(0, MAX_OTHERS)
      .map(({ name }) => ({ name, cause: checkPath(status, from, name, { silent }).cause }))
      .filter(({ cause }) => cause !== null && cause.code !== "listener.missing");
  }, [status, silent, from]);
  const count = Math.min(status?.services.length ?? 0, MAX_OTHERS);
  return (
    <p className="fl-check__others">
      {broken.length === 0 ? (
        <span className="fl-subtle">
          Nothing keeps <bdi>{visible(from)}</bdi> from{" "}
          {count === 1 ? "the service" : `any of ${count} services`}.
        </span>
      ) : (
        <>
          <span className="fl-subtle">
            Out of reach from <bdi>{visible(from)}</bdi>:
          </span>
          {broken.map(({ name }) => (
            <Button key={name} variant="link" isInline isDanger onClick={() => onChoose(name)}>
              <Name>{name}</Name>
            </Button>
          ))}
        </>
      )}
    </p>
  );
}

/** The detail of a step in the middle of a sentence: names and codes keep their form. */
const lower = (text: string): string =>
  /^(?:The|No|Its|An?|Another|It|In)\b/.test(text) ? (text[0] ?? "").toLowerCase() + text.slice(1) : text;

/** What to do about a step. */
function Remedy({ step: { since, action, command, at, code } }: { step: PathStep }) {
  return (
    <>
      {since === undefined ? null : (
        <p className="fl-subtle">
          For <Since at={since} />
        </p>
      )}
      {action === undefined ? null : (
        <p className="fl-wrap">
          <Sentence>{visible(action)}</Sentence>
        </p>
      )}
      <div className="fl-check__foot">
        {command === undefined ? null : <CommandHint command={command} at={at} />}
        {code === undefined ? null : <span className="fl-subtle fl-mono">{code}</span>}
      </div>
    </>
  );
}

/** A step whose time stands elsewhere. */
function without({ since: _, ...step }: PathStep): PathStep {
  return step;
}

/** A step. What to do about the cause stands above all steps. */
function Step({ step, isCause }: { step: PathStep; isCause: boolean }) {
  const { title, state, detail, since } = step;
  const { Icon, word } = LOOKS[state];
  return (
    <li className={`fl-step fl-step--${state}`}>
      <span className="fl-step__mark">
        <Icon aria-label={word} />
      </span>
      <div className="fl-step__body">
        <h3>
          <bdi>{visible(title)}</bdi>
          {state === "ok" ? null : <span className="fl-step__word">{word}</span>}
          {since === undefined ? null : (
            <span className="fl-subtle fl-step__since">
              for <Since at={since} />
            </span>
          )}
        </h3>
        {detail === "" ? null : (
          <p className="fl-wrap fl-step__detail">
            <bdi>{visible(detail)}</bdi>
          </p>
        )}
        {state === "unknown" || (state === "broken" && !isCause) ? (
          <div className="fl-step__remedy">
            <Remedy step={without(step)} />
          </div>
        ) : null}
      </div>
    </li>
  );
}
