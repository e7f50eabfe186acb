/** The state of a whole network in one sentence. */
import type { NetworkStatus } from "../api/status.ts";
import type { Finding } from "./finding.ts";
import { countOf } from "./words.ts";

/**
 * One sentence for a network, such as "3 sites, 2 services: everything works." or "1 of 3 sites is down since 12:04."
 *
 * @param found the findings of this status
 * @param clock shows a time (ISO 8601) after "since"; hours and minutes in UTC unless given
 */
export function summary(
  { sites, services }: NetworkStatus,
  found: readonly Finding[],
  clock: (at: string) => string = (at) => `${at.slice(11, 16)} UTC`,
): string {
  const members = sites.filter(({ state }) => state === "up" || state === "down");
  if (members.length === 0) {
    return sites.some(({ state }) => state === "new")
      ? "No site has joined the network yet."
      : "The network has no sites yet.";
  }
  const stopped = members.filter((site) => site.state === "down" && site.stopped === true).length;
  const which = stopped === 0 ? "" : ` (${stopped} stopped)`;
  const all = `${countOf(members.length, "site")}${which}, ${countOf(services.length, "service")}`;
  const down = found.filter(({ code, subject }) => subject.kind === "site" && code === "uplink.lost");
  const others = found.filter(
    (each) => each.severity !== "notice" && !down.includes(each) && each.code !== "service.unavailable",
  );
  if (down.length > 0) {
    const unavailable = found.filter(({ code }) => code === "service.unavailable").length;
    const consequences = [
      ...(unavailable === 0
        ? []
        : [`${countOf(unavailable, "service")} ${unavailable === 1 ? "is" : "are"} unavailable`]),
      ...(others.length === 0 ? [] : [othersText(others, "other thing")]),
    ];
    const rest = consequences.length === 0 ? "" : `; ${consequences.join(", ")}`;
    const since = down.map((each) => each.since).sort()[0];
    const when = since === null || since === undefined ? "" : ` since ${clock(since)}`;
    return `${down.length} of ${countOf(members.length, "site")} ${down.length === 1 ? "is" : "are"} down${when}${rest}.`;
  }
  const broken = found.filter(({ severity }) => severity === "broken");
  const attention = found.filter(({ severity }) => severity === "degraded");
  const [worst] = [...broken, ...attention];
  if (worst === undefined) return `${all}: everything works.`;
  if (broken.length + attention.length === 1) return `${all}: ${decapitalised(worst.title)}`;
  return `${all}: ${othersText([...broken, ...attention])}.`;
}

/** `2 things are broken, 1 needs attention`. */
function othersText(found: readonly Finding[], thing = "thing"): string {
  const broken = found.filter(({ severity }) => severity === "broken").length;
  const rest = found.length - broken;
  return [
    ...(broken === 0 ? [] : [`${countOf(broken, thing)} ${broken === 1 ? "is" : "are"} broken`]),
    ...(rest === 0
      ? []
      : [`${broken === 0 ? countOf(rest, thing) : rest} ${rest === 1 ? "needs" : "need"} attention`]),
  ].join(", ");
}

/** A sentence as the end of another. The first word of every title is a common word. */
const decapitalised = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);
