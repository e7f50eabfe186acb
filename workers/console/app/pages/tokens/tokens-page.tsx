/** Tokens: made here, shown once, and revoked here. */

import { Alert } from "@patternfly/react-core/dist/esm/components/Alert";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect";
import { NumberInput } from "@patternfly/react-core/dist/esm/components/NumberInput";
import TokensIcon from "@patternfly/react-icons/dist/esm/icons/ticket-alt-icon";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type * as z from "zod";
import { CreatedToken, TOKEN_LIMITS, type Token } from "../../../../../protocol/api/tokens.ts";
import { apiPath, call, send } from "../../api/client.ts";
import { tokensQuery } from "../../api/queries.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import { counted, exactText } from "../../format/quantity.ts";
import type { Fields } from "../../format/search.ts";
import { useEvents, useStatus } from "../../live/use-live.tsx";
import { ActionButton } from "../../parts/action-button.tsx";
import { Age, AsOf } from "../../parts/age.tsx";
import { CommandHint } from "../../parts/command-hint.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Name, useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { SearchedTable } from "../../parts/searched-table.tsx";
import { SecretBox } from "../../parts/secret-box.tsx";
import { Section } from "../../parts/section.tsx";
import { StateLabel, type Tone } from "../../parts/state-label.tsx";
import { useRefetchAt } from "../../parts/use-refetch-at.ts";
import { Waiting } from "../../parts/waiting.tsx";
import "./tokens.css";

type Created = z.infer<typeof CreatedToken>;

const STATES: Readonly<Record<Token["state"], readonly [Tone, string]>> = {
  good: ["good", "good"],
  used_up: ["ended", "used up"],
  expired: ["ended", "expired"],
  revoked: ["ended", "revoked"],
};

const LIFETIMES = [
  { seconds: 15 * 60, text: "15 minutes", option: "15m" },
  { seconds: 2 * 3600, text: "2 hours", option: "2h" },
  { seconds: 24 * 3600, text: "1 day", option: "1d" },
  { seconds: 7 * 24 * 3600, text: "7 days", option: "7d" },
  { seconds: TOKEN_LIMITS.expirySeconds, text: "30 days", option: "30d" },
] as const;

const fieldsOf = ({ id, issuer, site, state }: Token): Fields => ({
  id,
  issuer,
  site,
  state: STATES[state][1].replace(" ", "-"),
});

const keyOf = ({ id }: Token) => id;

export default function TokensPage() {
  const network = useNetworkName();
  const refused = useRefusal(network, "operator");
  const tokens = useQuery(tokensQuery(network));
  useRefetchAt(tokensQuery(network).queryKey, useLastTokenEvent());
  const [created, setCreated] = useState<Created | null>(null);
  const [revoked, setRevoked] = useState<Token | null>(null);
  const columns = useMemo(
    (): readonly Column<Token>[] => [
      {
        id: "id",
        label: "Token",
        cell: ({ id }) => (
          <span className="fl-mono" title={id}>
            {id.slice(0, 10)}…
          </span>
        ),
      },
      {
        id: "state",
        label: "State",
        cell: ({ state }) => <StateLabel tone={STATES[state][0]}>{STATES[state][1]}</StateLabel>,
        sort: ({ state }) => state,
      },
      {
        id: "issuer",
        label: "Issuer",
        cell: ({ issuer }) => <Name>{issuer}</Name>,
        sort: ({ issuer }) => issuer,
        isName: true,
      },
      {
        id: "site",
        label: "Admits",
        cell: ({ site }) => (site === undefined ? "any site" : <Name>{site}</Name>),
        sort: ({ site }) => site ?? "",
        isName: true,
      },
      {
        id: "used",
        label: "Used",
        cell: ({ used, uses }) => `${exactText(used)} of ${exactText(uses)}`,
        sort: ({ used }) => used,
        isNumber: true,
        noWrap: true,
      },
      {
        id: "expires",
        label: "Ends",
        cell: ({ expiresAt }) => <Age at={expiresAt} />,
        sort: ({ expiresAt }) => expiresAt,
        noWrap: true,
      },
      {
        id: "created",
        label: "Created",
        cell: ({ createdAt }) => <Age at={createdAt} />,
        sort: ({ createdAt }) => createdAt,
        noWrap: true,
      },
      {
        id: "revoke",
        label: "",
        isAction: true,
        cell: (token) =>
          token.state === "good" ? (
            <ActionButton
              variant="link"
              isInline
              refused={refused}
              aria-label={`Revoke token ${token.id}`}
              onClick={() => setRevoked(token)}
            >
              Revoke
            </ActionButton>
          ) : null,
      },
    ],
    [refused],
  );
  const all = tokens.data ?? [];
  return (
    <>
      <PageHeader title="Tokens" command={fairlead("token", "list")}>
        A token invites sites to the network. Whoever has it can join until it is used up or ends.
      </PageHeader>
      <div className="fl-columns">
        <CreateForm network={network} refused={refused} onCreated={setCreated} />
        {created === null ? null : <CreatedOnce created={created} onClose={() => setCreated(null)} />}
      </div>
      {tokens.error !== null ? (
        <Failure error={tokens.error} retry={() => void tokens.refetch()} />
      ) : tokens.data === undefined ? (
        <Waiting what="tokens" />
      ) : all.length === 0 ? (
        <Nothing
          title="No token yet"
          icon={TokensIcon}
          command={fairlead("token", "create", "-o", "token.yaml")}
        >
          Create the first one above, or with the command.
        </Nothing>
      ) : (
        <Section title="All tokens" aside={<AsOf at={tokens.dataUpdatedAt} />}>
          <SearchedTable
            of="tokens"
            entries={all}
            columns={columns}
            keyOf={keyOf}
            fieldsOf={fieldsOf}
            hint="state:good, NOT state:expired, issuer:network"
            order="-created"
          />
        </Section>
      )}
      {revoked === null ? null : (
        <RevokeToken token={revoked} network={network} onClose={() => setRevoked(null)} />
      )}
    </>
  );
}

/** The id of the last event about a token: when it changes, the list is read again. */
const useLastTokenEvent = (): number =>
  useEvents().findLast(({ type }) => type.startsWith("token.") || type === "access.revoked")?.id ?? 0;

interface CreateFormProps {
  readonly network: string;
  readonly refused: string | null;
  readonly onCreated: (created: Created) => void;
}

function CreateForm({ network, refused, onCreated }: CreateFormProps) {
  const queries = useQueryClient();
  const sites = (useStatus()?.sites ?? []).filter(({ state }) => state === "up" || state === "down");
  const [issuer, setIssuer] = useState("network");
  const [uses, setUses] = useState(1);
  const [seconds, setSeconds] = useState<number>(LIFETIMES[0].seconds);
  const lifetime = LIFETIMES.find((each) => each.seconds === seconds) ?? LIFETIMES[0];
  const create = useMutation({
    mutationFn: () =>
      call(apiPath`/v1/networks/${network}/tokens`, CreatedToken, {
        method: "POST",
        body: { uses, expirySeconds: seconds, ...(issuer === "network" ? {} : { issuer }) },
      }),
    onSuccess: async (token) => {
      onCreated(token);
      await queries.invalidateQueries(tokensQuery(network));
    },
  });
  const command = fairlead(
    ...["token", "create", "--uses", String(uses), "--expiry", lifetime.option],
    ...(issuer === "network" ? [] : ["--issuer", issuer]),
    ...["-o", "token.yaml"],
  );
  return (
    <Section title="Create a token">
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          if (refused === null && !create.isPending) create.mutate();
        }}
      >
        {create.error === null ? null : <Failure error={create.error} />}
        {refused === null ? null : <p className="fl-subtle">{refused}</p>}
        <div className="fl-token-form">
          <FormGroup label="Link to" fieldId="token-issuer">
            <FormSelect id="token-issuer" value={issuer} onChange={(_, value) => setIssuer(value)}>
              <FormSelectOption value="network" label="The network" />
              {sites.map(({ id, name }) => (
                <FormSelectOption key={id} value={name} label={`Site ${name}`} />
              ))}
            </FormSelect>
          </FormGroup>
          <FormGroup label="Sites it admits" fieldId="token-uses">
            <NumberInput
              id="token-uses"
              inputName="uses"
              inputAriaLabel="Sites it admits"
              minusBtnAriaLabel="One less"
              plusBtnAriaLabel="One more"
              min={1}
              max={TOKEN_LIMITS.uses}
              value={uses}
              widthChars={4}
              onMinus={() => setUses(Math.max(1, uses - 1))}
              onPlus={() => setUses(Math.min(TOKEN_LIMITS.uses, uses + 1))}
              onChange={(event) => {
                const value = Number(event.currentTarget.value);
                if (Number.isInteger(value)) setUses(Math.min(TOKEN_LIMITS.uses, Math.max(1, value)));
              }}
            />
          </FormGroup>
          <FormGroup label="Good for" fieldId="token-lifetime">
            <FormSelect
              id="token-lifetime"
              value={seconds}
              onChange={(_, value) => setSeconds(Number(value))}
            >
              {LIFETIMES.map(({ seconds: each, text }) => (
                <FormSelectOption key={each} value={each} label={text} />
              ))}
            </FormSelect>
          </FormGroup>
        </div>
        <div className="fl-form-foot">
          <ActionButton type="submit" variant="primary" refused={refused} isLoading={create.isPending}>
            Create token
          </ActionButton>
          <CommandHint command={command} />
        </div>
      </Form>
    </Section>
  );
}

function CreatedOnce({ created, onClose }: { created: Created; onClose: () => void }) {
  return (
    <Section title="The new token">
      <Alert isInline variant="warning" component="h3" title="It is shown once.">
        Save it as <code>token.yaml</code> at the site. It admits {counted(created.uses, "site")}, and ends{" "}
        <Age at={created.expiresAt} />.
      </Alert>
      <SecretBox text={created.file} what="the token" testId="token-file" />
      <div>
        <p>Then start the connector there:</p>
        <CommandHint command="fairlead connector run --site NAME --token token.yaml" />
      </div>
      <div className="fl-token-actions">
        <Button variant="secondary" onClick={() => download(created.file)}>
          Download token.yaml
        </Button>
        <Button variant="link" onClick={onClose}>
          Done
        </Button>
      </div>
    </Section>
  );
}

function download(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "token.yaml";
  link.click();
  URL.revokeObjectURL(url);
}

function RevokeToken({ token, network, onClose }: { token: Token; network: string; onClose: () => void }) {
  const queries = useQueryClient();
  const action = useMutation({
    mutationFn: () => send(apiPath`/v1/networks/${network}/tokens/${token.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await queries.invalidateQueries(tokensQuery(network));
      onClose();
    },
  });
  return (
    <Confirm
      title="Revoke this token?"
      action="Revoke"
      command={fairlead("token", "revoke", token.id, "--yes")}
      isPending={action.isPending}
      error={action.error}
      onConfirm={() => action.mutate()}
      onClose={onClose}
    >
      No site can join with it any more. Sites that joined with it stay members.
    </Confirm>
  );
}
