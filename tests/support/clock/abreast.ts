/**
 * Does the work for each item, at most `width` of them at the same time, in the order of the items.
 * @throws what the first work that fails throws; no further item is begun then
 */
export async function abreast<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  // Every worker takes from the same iterator.
  const left = [...items].values();
  let failed = false;
  const worker = async () => {
    for (const item of left) {
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
