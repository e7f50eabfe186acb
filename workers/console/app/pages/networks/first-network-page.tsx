/** The console of an edge that has no network, or none that the user may see. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Network } from "../../../../../protocol/api/networks.ts";
import { call } from "../../api/client.ts";
import { networksQuery } from "../../api/queries.ts";
import { useRefusal } from "../../api/role.ts";
import { fairlead } from "../../format/command.ts";
import { CommandHint } from "../../parts/command-hint.tsx";
import { Failure } from "../../parts/failure.tsx";
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
        <PageHeader title="No network yet">
          You may see no network of this edge. Ask an admin for a role in one.
        </PageHeader>
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
