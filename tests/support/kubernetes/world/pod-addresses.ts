/**
 * Addresses of pods. A pod of the tests has an address of 10.240.0.0/12, which the API server accepts and this machine
 * does not have. What listens there listens at the address of 127.240.0.0/12 that ends alike.
 */

/** The second number of an address: 240 to 255. */
const SECOND = "(24\\d|25[0-5])";
const POD = new RegExp(`^10\\.${SECOND}\\.`);
const LOCAL = new RegExp(`^127\\.${SECOND}\\.`);

/** Where this machine reaches what has an address. An address of no pod is its own. */
export const localAddress = (address: string): string => address.replace(POD, "127.$1.");

/** The address of the pod that listens at an address of this machine. Any other address is its own. */
export const podAddress = (address: string): string => address.replace(LOCAL, "10.$1.");
