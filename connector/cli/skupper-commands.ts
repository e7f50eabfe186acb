/**
 * The commands of Skupper 1.4 that Fairlead does not have, with the Fairlead command for the same task. A user who types
 * one of them is told the other. docs/from-skupper.md has the same table.
 */

export interface SkupperCommand {
  /** The words after `skupper`. A word in capitals stands for anything. */
  readonly words: string;
  /** What to do with Fairlead, in sentences. */
  readonly instead: string;
}

/** In the order in which they are looked up: the longer form of a command comes first. */
export const SKUPPER_COMMANDS: readonly SkupperCommand[] = [
  {
    words: "init",
    instead:
      "`fairlead kubernetes manifest --site NAME --token FILE` prints what a cluster needs to join a network, `fairlead connector run --site NAME --token FILE` joins from any machine, and `fairlead network create NAME` creates one.",
  },
  {
    words: "delete",
    instead: "Stop the connector, then run `fairlead site delete NAME`.",
  },
  {
    words: "update",
    instead:
      "Install the new version and restart the connector; it keeps its state, and peers reconnect by themselves.",
  },
  { words: "connection-token", instead: "`fairlead token create -o FILE` creates a token." },
  { words: "token create FILE", instead: "`fairlead token create -o FILE` writes a token to a file." },
  {
    words: "service create",
    instead: "`fairlead expose NAME=HOST:PORT` creates a service and offers its target in one step.",
  },
  { words: "service delete", instead: "`fairlead unexpose NAME` at each site that offers it." },
  {
    words: "service bind",
    instead: "`fairlead expose NAME=HOST:PORT` offers a target of the service at this site.",
  },
  { words: "service unbind", instead: "`fairlead unexpose NAME` withdraws the target at this site." },
  { words: "service label", instead: "Services have no labels; `fairlead service list` lists them by name." },
  {
    words: "debug events",
    instead: "`fairlead events` lists the events of the network, `--follow` as they come.",
  },
  { words: "debug policies", instead: "`fairlead site status NAME` shows what a site may offer." },
  {
    words: "debug service",
    instead: "`fairlead service status` shows where each service is offered and listens.",
  },
  {
    words: "network status",
    instead: "`fairlead status` shows every site, link and service of the network.",
  },
  {
    words: "gateway",
    instead:
      "Any machine can be a site: run `fairlead connector run --site NAME --token FILE` on it, and `fairlead expose` there.",
  },
  {
    words: "switch",
    instead: "There are no platforms to switch between; --state or FAIRLEAD_STATE names the site.",
  },
  {
    words: "expose RESOURCE/NAME",
    instead:
      "Annotate the object: `kubectl annotate RESOURCE NAME fairlead.dev/expose=true`. Outside of a cluster, `fairlead expose NAME=HOST:PORT` names the service and its address.",
  },
  {
    words: "unexpose RESOURCE/NAME",
    instead:
      "Remove the annotation: `kubectl annotate RESOURCE NAME fairlead.dev/expose-`. What `fairlead expose` offered, `fairlead unexpose NAME` withdraws.",
  },
];

/** What to do instead of a command of Skupper; null for any other command line. */
export function insteadOf(argv: readonly string[]): string | null {
  // A word after an option may be its value.
  const option = argv.findIndex((word) => word.startsWith("-"));
  const typed = option < 0 ? argv : argv.slice(0, option);
  return SKUPPER_COMMANDS.find(({ words }) => matches(words.split(" "), typed))?.instead ?? null;
}

function matches(words: readonly string[], typed: readonly string[]): boolean {
  return words.every((word, at) => {
    const given = typed[at];
    if (given === undefined) return false;
    if (word.includes("/")) return /^[a-z]+\/./.test(given);
    return word === word.toUpperCase() || word === given;
  });
}
