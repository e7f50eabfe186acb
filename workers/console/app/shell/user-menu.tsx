/** Who is signed in, the theme, and the way out. */
import {
  Dropdown,
  DropdownGroup,
  DropdownItem,
  DropdownList,
} from "@patternfly/react-core/dist/esm/components/Dropdown";
import { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle";
import SystemIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-auto-light-dark-mode-icon";
import DarkIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-dark-mode-icon";
import LightIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-light-mode-icon";
import UserIcon from "@patternfly/react-icons/dist/esm/icons/user-icon";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { visible } from "../../../../protocol/text.ts";
import { networksQuery, sessionQuery } from "../api/queries.ts";
import { roleIn } from "../api/role.ts";
import { signOut } from "../api/sign-in.ts";
import { setTheme, type Theme, useTheme } from "./theme.ts";

const THEMES: readonly { readonly value: Theme; readonly label: string; readonly Icon: typeof DarkIcon }[] = [
  { value: "system", label: "Like the system", Icon: SystemIcon },
  { value: "light", label: "Light", Icon: LightIcon },
  { value: "dark", label: "Dark", Icon: DarkIcon },
];

export function ThemeMenu() {
  const theme = useTheme();
  const [isOpen, setOpen] = useState(false);
  const Icon = THEMES.find(({ value }) => value === theme)?.Icon ?? SystemIcon;
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={(_, value) => {
        setTheme(value === "light" || value === "dark" ? value : "system");
        setOpen(false);
      }}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plain"
          aria-label="Theme"
          isExpanded={isOpen}
          icon={<Icon />}
          onClick={() => setOpen(!isOpen)}
        />
      )}
    >
      <DropdownList>
        {THEMES.map(({ value, label, Icon: Each }) => (
          <DropdownItem key={value} value={value} isSelected={theme === value} icon={<Each />}>
            {label}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}

const ROLES = { admin: "admin", operator: "operator", viewer: "viewer" } as const;

export function UserMenu({ network }: { network: string }) {
  const [isOpen, setOpen] = useState(false);
  const { data: session } = useQuery(sessionQuery);
  const { data: networks } = useQuery(networksQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: () => signOut(queries),
    onSuccess: () => navigate({ to: "/sign-in", search: {} }),
  });
  const user = session?.user ?? null;
  if (user === null) return null;
  const place = networks?.find(({ name, id }) => name === network || id === network);
  const role = roleIn(user, place ?? { id: network, name: network });
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      popperProps={{ position: "right", minWidth: "14rem" }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plainText"
          aria-label={`User ${user.name}`}
          isExpanded={isOpen}
          icon={<UserIcon />}
          onClick={() => setOpen(!isOpen)}
        >
          <span className="fl-user__name fl-name">
            <bdi>{user.name}</bdi>
          </span>
        </MenuToggle>
      )}
    >
      <DropdownGroup
        label={
          <bdi>
            {visible(user.name)}, {role === null ? "without a role" : ROLES[role]} in {network}
          </bdi>
        }
      >
        <DropdownList>
          <DropdownItem
            isDisabled={session?.mode === "unsecured"}
            {...(session?.mode === "unsecured"
              ? { description: "This console has no sign-in." }
              : { onClick: () => leave.mutate() })}
          >
            Sign out
          </DropdownItem>
        </DropdownList>
      </DropdownGroup>
    </Dropdown>
  );
}
