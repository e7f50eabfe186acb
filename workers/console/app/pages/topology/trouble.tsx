/** What is broken in the network, in words, with the way to it on the graph. */
import { Link } from "@tanstack/react-router";
import type { Finding } from "../../../../../protocol/diagnosis/finding.ts";
import { visible } from "../../../../../protocol/text.ts";
import { Since } from "../../parts/age.tsx";
import { SeverityIcon } from "../../parts/finding-card.tsx";
import { useNetworkName } from "../../parts/name.tsx";
import { serviceNode } from "../../topology/service-graph.ts";
import { EDGE } from "../../topology/site-graph.ts";

/** The most findings that are shown; others are counted. */
const MAX_SHOWN = 3;

interface TroubleProps {
  readonly findings: readonly Finding[];
  readonly chosen: string | null;
  /** Shows the details of a node of the graph of sites, or of that of services. */
  readonly onShow: (view: "sites" | "services", id: string) => void;
}

export function Trouble({ findings, chosen, onShow }: TroubleProps) {
  const network = useNetworkName();
  const urgent = findings.filter(({ severity }) => severity !== "notice");
  if (urgent.length === 0) return null;
  return (
    <ul className="fl-trouble" aria-label="What is broken">
      {urgent.slice(0, MAX_SHOWN).map((finding) => {
        const [view, id] = placeOf(finding);
        return (
          <li key={`${finding.code} ${finding.title}`}>
            <button
              type="button"
              className={`fl-trouble__one fl-trouble__one--${finding.severity}`}
              aria-pressed={chosen === id}
              onClick={() => onShow(view, id)}
            >
              <SeverityIcon severity={finding.severity} />
              <bdi className="fl-trouble__title">{visible(finding.title)}</bdi>
              {finding.since === null ? null : (
                <span className="fl-trouble__since">
                  <Since at={finding.since} />
                </span>
              )}
            </button>
          </li>
        );
      })}
      {urgent.length > MAX_SHOWN ? (
        <li>
          <Link to="/networks/$network" params={{ network }} className="fl-trouble__more">
            and {urgent.length - MAX_SHOWN} more
          </Link>
        </li>
      ) : null}
    </ul>
  );
}

/** The view and the node that show what a finding is about. */
function placeOf({ subject: { kind, id, name } }: Finding): ["sites" | "services", string] {
  if (kind === "service") return ["services", serviceNode(name)];
  return ["sites", id ?? (kind === "edge" ? EDGE : name)];
}
