/** The console of an edge that has no network, or none that the user may see. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Network } from "../../../../../protocol/api/networks.ts";
import { call } from "../../api/client.ts";
import { networksQuery, sessionQuery } from "../../api/queries.ts";
import { useRefusal } from "../../api/role.ts";
import { signOut } from "../../api/sign-in.ts";
import { fairlead } from "../../format/command.ts";
import { CommandHint } from "../../parts/command-hint.tsx";
import { Failure } from "../../parts/failure.tsx";
import { Name } from "../../parts/name.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Outside } from "../../shell/outside.tsx";

export default function FirstNetworkPage() {
  const refused = useRefusal(null, "admin");
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => call("/v1/networks", Network, { method: "POST", body: { name } }),
    onSuccess: async (network) => {
      await queries.invalidateQueries(networksQuery);
      await navigate({ to: "/networks/$network", params: { network: network.name } });
    },
  });
  if (refused !== null) {
    return (
      <Outside>
        <NoRole />
      </Outside>
    );
  }
  return (
    <Outside>
      <PageHeader title="Create the first network">
        A network is a set of sites that may link with each other.
      </PageHeader>
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          if (name !== "") create.mutate();
        }}
      >
        {create.error === null ? null : <Failure error={create.error} />}
        <FormGroup label="Name" fieldId="network-name" isRequired>
          <TextInput
            id="network-name"
            autoComplete="off"
            placeholder="prod"
            value={name}
            onChange={(_, value) => setName(value)}
          />
        </FormGroup>
        <div>
          <Button
            type="submit"
            variant="primary"
            isDisabled={name === "" || create.isPending}
            isLoading={create.isPending}
          >
            Create
          </Button>
        </div>
      </Form>
      <CommandHint command={fairlead("network", "create", name === "" ? "prod" : name)} />
    </Outside>
  );
}

/** A user who may see none of the networks that there are. */
function NoRole() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { data: session } = useQuery(sessionQuery);
  const leave = useMutation({
    mutationFn: () => signOut(queries),
    onSuccess: () => navigate({ to: "/sign-in", search: {} }),
  });
  return (
    <>
      <PageHeader title="No network for you yet">
        You are signed in as <Name>{session?.user?.name ?? ""}</Name>, and may see no network of this edge.
        Ask an admin to create one, or for a role in one.
      </PageHeader>
      {leave.error === null ? null : <Failure error={leave.error} />}
      <div>
        <Button variant="secondary" isLoading={leave.isPending} onClick={() => leave.mutate()}>
          Sign in as another user
        </Button>
      </div>
    </>
  );
}
