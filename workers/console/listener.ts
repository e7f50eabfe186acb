/** Where a request arrived: at the API's host, or at the embedded edge's listener on loopback. */
export type Listener = "public" | "loopback";
