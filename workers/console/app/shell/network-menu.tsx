/** The network that is shown, and the way to others. */
import { Dropdown, DropdownItem, DropdownList } from "@patternfly/react-core/dist/esm/components/Dropdown";
import { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { networksQuery } from "../api/queries.ts";
import { Name } from "../parts/name.tsx";

export function NetworkMenu({ network }: { network: string }) {
  const [isOpen, setOpen] = useState(false);
  const { data: networks } = useQuery(networksQuery);
  const navigate = useNavigate();
  return (
    <Dropdown
      isOpen={isOpen}
      isScrollable
      onOpenChange={setOpen}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          isExpanded={isOpen}
          aria-label={`Network ${network}`}
          onClick={() => setOpen(!isOpen)}
        >
          <Name>{network}</Name>
        </MenuToggle>
      )}
    >
      <DropdownList>
        {(networks ?? []).map(({ id, name }) => (
          <DropdownItem
            key={id}
            isSelected={name === network}
            onClick={() => {
              setOpen(false);
              void navigate({ to: "/networks/$network", params: { network: name } });
            }}
          >
            <Name>{name}</Name>
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
