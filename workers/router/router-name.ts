/** Name of the router that serves a pair of sites, in either order. */
export function routerName(network: string, left: string, right: string): string {
  return left < right ? `${network}:${left}:${right}` : `${network}:${right}:${left}`;
}
