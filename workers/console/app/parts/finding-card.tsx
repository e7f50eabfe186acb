/** A finding: what is wrong, since when, what it means, and what to do. */
import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import ErrorIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-error-fill-icon";
import InfoIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-information-fill-icon";
import WarningIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-warning-fill-icon";
import { Link, useParams } from "@tanstack/react-router";
import type { Finding, Severity } from "../../../../protocol/diagnosis/finding.ts";
import { visible } from "../../../../protocol/text.ts";
import { Since } from "./age.tsx";
import { CommandHint, Sentence } from "./command-hint.tsx";
import { useNetworkName } from "./name.tsx";
import "./finding-card.css";

const LOOKS: Readonly<
  Record<
    Severity,
    { readonly status: "danger" | "warning" | "info"; readonly icon: typeof ErrorIcon; readonly word: string }
  >
> = {
  broken: { status: "danger", icon: ErrorIcon, word: "Broken" },
  degraded: { status: "warning", icon: WarningIcon, word: "Needs attention" },
  notice: { status: "info", icon: InfoIcon, word: "Notice" },
};

export function SeverityIcon({ severity }: { severity: Severity }) {
  const { status, icon: Shape, word } = LOOKS[severity];
  return (
    <Icon status={status} isInline title={word}>
      <Shape aria-label={word} />
    </Icon>
  );
}

export function FindingCard({ finding }: { finding: Finding }) {
  const { severity, title, since, detail, action, command, at } = finding;
  return (
    <article className={`fl-finding fl-finding--${severity}`}>
      <SeverityIcon severity={severity} />
      <div className="fl-finding__body">
        <div className="fl-finding__head">
          <h3>
            <bdi>{visible(title)}</bdi>
          </h3>
          {since === null ? null : (
            <span className="fl-subtle">
              for <Since at={since} />
            </span>
          )}
        </div>
        <p className="fl-subtle">
          <bdi>{visible(detail)}</bdi>
        </p>
        <p>
          <Sentence>{visible(action)}</Sentence>
        </p>
        <div className="fl-finding__foot">
          {command === undefined ? null : <CommandHint command={command} at={at} />}
          <SubjectLink finding={finding} />
        </div>
      </div>
    </article>
  );
}

/** The way to what the finding is about; nothing on the page of just that. */
function SubjectLink({ finding: { subject, at } }: { finding: Finding }) {
  const network = useNetworkName();
  const { site, service } = useParams({ strict: false });
  const isHere =
    subject.kind === "service"
      ? subject.name === service
      : site !== undefined && [subject.name, at].includes(site);
  if (isHere) return null;
  switch (subject.kind) {
    case "site":
    case "certificate":
      return (
        <Link to="/networks/$network/sites/$site" params={{ network, site: subject.name }}>
          Show the site
        </Link>
      );
    case "service":
      return (
        <Link to="/networks/$network/services/$service" params={{ network, service: subject.name }}>
          Show the service
        </Link>
      );
    case "listener":
      return at === undefined ? null : (
        <Link to="/networks/$network/sites/$site" params={{ network, site: at }}>
          Show the site
        </Link>
      );
    case "link":
      return (
        <Link to="/networks/$network/links" params={{ network }} search={{ q: subject.name }}>
          Show the link
        </Link>
      );
    case "edge":
      return null;
  }
}

export function FindingList({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul className="fl-findings">
      {findings.map((finding) => (
        <li key={`${finding.code} ${finding.subject.kind} ${finding.subject.id ?? ""} ${finding.title}`}>
          <FindingCard finding={finding} />
        </li>
      ))}
    </ul>
  );
}
