/** API keys of the deployment. Admins alone see them. */
import { Alert } from "@patternfly/react-core/dist/esm/components/Alert";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import KeysIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-key-icon";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import type * as z from "zod";
import { type ApiKey, CreatedKey, Role } from "../../../../../protocol/api/keys.ts";
import { apiPath, call, send } from "../../api/client.ts";
import { keysQuery, networksQuery } from "../../api/queries.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import type { Fields } from "../../format/search.ts";
import { ActionButton } from "../../parts/action-button.tsx";
import { Age, AsOf } from "../../parts/age.tsx";
import { CommandHint } from "../../parts/command-hint.tsx";
import { Confirm } from "../../parts/confirm.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Name } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { SearchedTable } from "../../parts/searched-table.tsx";
import { SecretBox } from "../../parts/secret-box.tsx";
import { Section } from "../../parts/section.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import "./keys.css";

type Created = z.infer<typeof CreatedKey>;

export default function KeysPage() {
  const refused = useRefusal(null, "admin");
  if (refused === null) return <Keys />;
  return (
    <>
      <PageHeader title="Keys" command="fairlead key list" />
      <Nothing title="Keys are the admins’" icon={KeysIcon}>
        {refused} Ask an admin to create a key for you.
      </Nothing>
    </>
  );
}

function Keys() {
  const keys = useQuery(keysQuery);
  const networks = useQuery(networksQuery);
  const [created, setCreated] = useState<Created | null>(null);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const names = useMemo(
    () => new Map((networks.data ?? []).map(({ id, name }) => [id, name])),
    [networks.data],
  );
  const columns = useMemo(
    (): readonly Column<ApiKey>[] => [
      {
        id: "name",
        label: "Key",
        cell: ({ name }) => <Name>{name}</Name>,
        sort: ({ name }) => name,
        isName: true,
      },
      { id: "role", label: "Role", cell: ({ role }) => role, sort: ({ role }) => role },
      {
        id: "networks",
        label: "Networks",
        cell: (key) => (key.networks === null ? "all" : <Name>{networkNames(key, names).join(", ")}</Name>),
        isName: true,
      },
      {
        id: "used",
        label: "Last used",
        cell: ({ lastUsedAt }) => <Age at={lastUsedAt} />,
        sort: ({ lastUsedAt }) => lastUsedAt ?? "",
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
        cell: (key) => (
          <ActionButton
            variant="link"
            isInline
            refused={null}
            aria-label={`Revoke key ${key.name}`}
            onClick={() => setRevoked(key)}
          >
            Revoke
          </ActionButton>
        ),
      },
    ],
    [names],
  );
  const fieldsOf = useCallback(
    (key: ApiKey): Fields => ({
      name: key.name,
      id: key.id,
      role: key.role,
      network: key.networks === null ? "all" : networkNames(key, names),
    }),
    [names],
  );
  const all = keys.data ?? [];
  return (
    <>
      <PageHeader title="Keys" command="fairlead key list">
        Programs and commands call the API with a key. A key belongs to the whole edge, or to some networks.
      </PageHeader>
      <div className="fl-columns">
        <CreateForm networks={[...names.values()]} onCreated={setCreated} />
        {created === null ? null : <CreatedOnce created={created} onClose={() => setCreated(null)} />}
      </div>
      {keys.error !== null ? (
        <Failure error={keys.error} retry={() => void keys.refetch()} />
      ) : keys.data === undefined ? (
        <Waiting what="keys" />
      ) : all.length === 0 ? (
        <Nothing
          title="No key yet"
          icon={KeysIcon}
          command="fairlead key create ci --role operator -o ci.key"
        >
          The admin key of the edge is no API key of this list, and always works.
        </Nothing>
      ) : (
        <Section title="All keys" aside={<AsOf at={keys.dataUpdatedAt} />}>
          <SearchedTable
            of="keys"
            entries={all}
            columns={columns}
            keyOf={keyOf}
            fieldsOf={fieldsOf}
            hint="role:admin, NOT role:viewer"
            order="name"
          />
        </Section>
      )}
      {revoked === null ? null : <RevokeKey apiKey={revoked} onClose={() => setRevoked(null)} />}
    </>
  );
}

const keyOf = ({ id }: ApiKey) => id;

const networkNames = (key: ApiKey, names: ReadonlyMap<string, string>): string[] =>
  (key.networks ?? []).map((id) => names.get(id) ?? id);

interface CreateFormProps {
  readonly networks: readonly string[];
  readonly onCreated: (created: Created) => void;
}

function CreateForm({ networks, onCreated }: CreateFormProps) {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [network, setNetwork] = useState("");
  const create = useMutation({
    mutationFn: () =>
      call("/v1/keys", CreatedKey, {
        method: "POST",
        body: { name, role, ...(network === "" ? {} : { networks: [network] }) },
      }),
    onSuccess: async (key) => {
      onCreated(key);
      setName("");
      await queries.invalidateQueries(keysQuery);
    },
  });
  const shownName = name === "" ? "ci" : name;
  return (
    <Section title="Create a key">
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "" && !create.isPending) create.mutate();
        }}
      >
        {create.error === null ? null : <Failure error={create.error} />}
        <div className="fl-key-form">
          <FormGroup label="Name" fieldId="key-name" isRequired>
            <TextInput
              id="key-name"
              autoComplete="off"
              placeholder="ci"
              maxLength={100}
              value={name}
              onChange={(_, value) => setName(value)}
            />
          </FormGroup>
          <FormGroup label="Role" fieldId="key-role">
            <FormSelect
              id="key-role"
              value={role}
              onChange={(_, value) => setRole(Role.catch("viewer").parse(value))}
            >
              {Role.options.toReversed().map((each) => (
                <FormSelectOption key={each} value={each} label={each} />
              ))}
            </FormSelect>
          </FormGroup>
          <FormGroup label="Network" fieldId="key-network">
            <FormSelect id="key-network" value={network} onChange={(_, value) => setNetwork(value)}>
              <FormSelectOption value="" label="All networks" />
              {networks.map((each) => (
                <FormSelectOption key={each} value={each} label={each} />
              ))}
            </FormSelect>
          </FormGroup>
        </div>
        <div className="fl-form-foot">
          <Button type="submit" variant="primary" isDisabled={name === ""} isLoading={create.isPending}>
            Create key
          </Button>
          <CommandHint
            command={fairlead(
              ...["key", "create", shownName, "--role", role],
              ...(network === "" ? [] : ["--network", network]),
              ...["-o", `${shownName}.key`],
            )}
          />
        </div>
      </Form>
    </Section>
  );
}

function CreatedOnce({ created, onClose }: { created: Created; onClose: () => void }) {
  return (
    <Section title="The new key">
      <Alert isInline variant="warning" component="h3" title="It is shown once.">
        Save it in a file that only its user may read.
      </Alert>
      <SecretBox text={created.key} what="the key" testId="key-text" />
      <div>
        <p>Log in with it:</p>
        <CommandHint command={fairlead("login", location.origin, "--key-file", `${created.name}.key`)} />
      </div>
      <div>
        <Button variant="link" isInline onClick={onClose}>
          Done
        </Button>
      </div>
    </Section>
  );
}

function RevokeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const queries = useQueryClient();
  const action = useMutation({
    mutationFn: () => send(apiPath`/v1/keys/${apiKey.id}`, { method: "DELETE" }),
    onSuccess: async () => {
      await queries.invalidateQueries(keysQuery);
      onClose();
    },
  });
  return (
    <Confirm
      title="Revoke this key?"
      action="Revoke"
      typed={apiKey.name}
      command={fairlead("key", "revoke", apiKey.id)}
      isPending={action.isPending}
      error={action.error}
      onConfirm={() => action.mutate()}
      onClose={onClose}
    >
      Programs that call the API with <Name>{apiKey.name}</Name> are refused from then on.
    </Confirm>
  );
}
