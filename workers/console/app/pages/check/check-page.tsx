/** The check of a path: whether the clients of a site reach a service, step by step. */
import { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect";
import OkIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-circle-fill-icon";
import BrokenIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-error-fill-icon";
import SkippedIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-minus-circle-icon";
import UnknownIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-question-mark-circle-icon";
import { useMemo } from "react";
import { z } from "zod";
import { OUTCOME_LABELS } from "../../../../../protocol/api/traffic.ts";
import {
  checkPath,
  type PathCheck,
  type PathStep,
  type StepState,
} from "../../../../../protocol/diagnosis/path-check.ts";
import { visible } from "../../../../../protocol/text.ts";
import { fairlead } from "../../format/command.ts";
import { useSilent, useStatus, useTraffic } from "../../live/use-live.tsx";
import { Age, Since } from "../../parts/age.tsx";
import { CommandHint, Sentence } from "../../parts/command-hint.tsx";
import { Name, SiteName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { Waiting } from "../../parts/waiting.tsx";
import "./check.css";

const Search = z.object({
  from: z.string().max(63).default("").catch(""),
  service: z.string().max(63).default("").catch(""),
});

const QUERY = { window: "15m", by: OUTCOME_LABELS } as const;

export default function CheckPage() {
  const [search, change] = useParameters(Search);
  const status = useStatus();
  const silent = useSilent();
  const { traffic } = useTraffic(QUERY);
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
        Whether the clients of a site reach a service, and what to do if they do not. The result changes as
        the network does.
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
          {check === null ? null : <Result check={check} at={traffic?.at ?? null} />}
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

function Result({ check, at }: { check: PathCheck; at: string | null }) {
  const { cause, from, service, ends, cost, addresses } = check;
  return (
    <>
      <div
        className={`fl-check__verdict fl-check__verdict--${cause === null ? "ok" : "broken"}`}
        role="status"
      >
        {cause === null ? <OkIcon /> : <BrokenIcon />}
        <span>
          {cause === null ? (
            <>
              <Name>{from}</Name> reaches <Name>{service}</Name>
              {addresses.length === 0 ? "" : ` at ${addresses.map(visible).join(", ")}`}.
            </>
          ) : (
            <>
              <Name>{from}</Name> does not reach <Name>{service}</Name>: {lower(visible(cause.detail))}
            </>
          )}
        </span>
      </div>
      {ends.length === 0 ? null : (
        <p className="fl-check__path">
          <span className="fl-subtle">Over</span>
          {ends.map((end, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the ends of a path keep their order
            <span key={index} className="fl-check__end">
              {index === 0 ? null : <span aria-hidden>→</span>}
              {end === "network" ? "the network" : <SiteName name={end} />}
            </span>
          ))}
          {cost === null ? null : <span className="fl-subtle">cost {cost}</span>}
        </p>
      )}
      <ol className="fl-check__steps">
        {check.steps.map((step) => (
          <Step key={step.id} step={step} />
        ))}
      </ol>
      {at === null ? null : (
        <p className="fl-subtle">
          Traffic was counted <Age at={at} />. Everything else is live.
        </p>
      )}
    </>
  );
}

/** The detail of a step in the middle of a sentence: names and codes keep their form. */
const lower = (text: string): string =>
  /^(?:The|No|Its|A|It|In)\b/.test(text) ? (text[0] ?? "").toLowerCase() + text.slice(1) : text;

function Step({ step: { title, state, detail, since, action, command, at, code } }: { step: PathStep }) {
  const { Icon, word } = LOOKS[state];
  return (
    <li className={`fl-step fl-step--${state}`}>
      <span className="fl-step__mark">
        <Icon aria-label={word} />
      </span>
      <div className="fl-step__body">
        <h2>
          <bdi>{visible(title)}</bdi>
          {state === "ok" ? null : <span className="fl-step__word">{word}</span>}
          {since === undefined ? null : (
            <span className="fl-subtle fl-step__since">
              for <Since at={since} />
            </span>
          )}
        </h2>
        {detail === "" ? null : (
          <p className="fl-wrap">
            <bdi>{visible(detail)}</bdi>
          </p>
        )}
        {state === "broken" || state === "unknown" ? (
          <div className="fl-step__remedy">
            {action === undefined ? null : (
              <p className="fl-wrap">
                <Sentence>{visible(action)}</Sentence>
              </p>
            )}
            {command === undefined ? null : <CommandHint command={command} at={at} />}
            {code === undefined ? null : <span className="fl-subtle fl-mono">{code}</span>}
          </div>
        ) : null}
      </div>
    </li>
  );
}
