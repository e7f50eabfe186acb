/** The name of the router of a pair of sites, the same for both orders of the pair. */
export function routerName(network: string, left: string, right: string): string {
  return left < right ? `${network}:${left}:${right}` : `${network}:${right}:${left}`;
}
