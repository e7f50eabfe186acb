/** Name of the router that serves a pair of sites; the same whichever of them is named first. */
export function routerName(network: string, left: string, right: string): string {
  return left < right ? `${network}:${left}:${right}` : `${network}:${right}:${left}`;
}
