/** The state of something, in words, with a colour and a form of its own. */
import { Label } from "@patternfly/react-core/dist/esm/components/Label";
import BanIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-ban-icon";
import CheckIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-check-circle-fill-icon";
import ClockIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-clock-icon";
import ErrorIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-error-fill-icon";
import PauseIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-pause-circle-icon";
import WarningIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-warning-fill-icon";
import type { Link } from "../../../../protocol/api/links.ts";
import type { Site } from "../../../../protocol/api/sites.ts";

/** What a state means for people. */
export type Tone = "good" | "warning" | "bad" | "off" | "waiting" | "ended";

const LOOKS = {
  good: { status: "success", icon: <CheckIcon /> },
  warning: { status: "warning", icon: <WarningIcon /> },
  bad: { status: "danger", icon: <ErrorIcon /> },
  off: { color: "grey", icon: <PauseIcon /> },
  waiting: { color: "blue", icon: <ClockIcon /> },
  ended: { color: "grey", icon: <BanIcon /> },
} as const;

/** A label with a state. `title` says more on hover. */
export function StateLabel({ tone, children, title }: { tone: Tone; children: string; title?: string }) {
  const { icon, ...look } = LOOKS[tone];
  return (
    <Label variant="outline" isCompact icon={icon} {...look} {...(title === undefined ? {} : { title })}>
      {children}
    </Label>
  );
}

/** The state of a site. A site that is up and has not been heard for too long is silent. */
export function siteTone(site: Pick<Site, "state" | "stopped">, isSilent = false): [Tone, string] {
  switch (site.state) {
    case "new":
      return ["waiting", "not joined"];
    case "up":
      return isSilent ? ["warning", "silent"] : ["good", "up"];
    case "down":
      return site.stopped === true ? ["off", "stopped"] : ["bad", "down"];
    case "revoked":
      return ["ended", "revoked"];
  }
}

export function SiteState({ site, isSilent }: { site: Site; isSilent?: boolean }) {
  const [tone, text] = siteTone(site, isSilent);
  return <StateLabel tone={tone}>{text}</StateLabel>;
}

/** The state of a link; with the reason where it is down. */
export function LinkState({ link: { state, code } }: { link: Pick<Link, "state" | "code"> }) {
  return (
    <span className="fl-state">
      <StateLabel tone={state === "up" ? "good" : "bad"}>{state}</StateLabel>
      {code === undefined ? null : <span className="fl-subtle fl-mono">{code}</span>}
    </span>
  );
}
